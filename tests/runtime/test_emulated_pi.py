"""The emulated Pi: real arm64 programs and wheels compute the reference's scores there, and instructions are counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from compile.formats import FORMATS
from devices.boards.board import load_board
from devices.computers import emulated, open_computer
from devices.cost.model import predict
from devices.errors import InputError, NearwireError
from runtime import __main__ as command
from runtime.backends.c.program import per_inference
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.data.dataset import load_dataset
from runtime.data.inputs import stored_samples
from runtime.network import reference
from runtime.remote.sessions import open_session, session_there
from runtime.remote.visit import Visit
from tests.support.builds import Zoo
from tests.support.needs import needs

PI4 = "emulated-pi4"


@pytest.fixture(scope="module")
def build(zoo: Zoo) -> Build:
    needs(emulated.missing())
    return open_build(zoo.build("digits-field", "host"))


def test_every_backend_is_counted_and_right(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """One process under the emulator runs all wheels; its scores are compared with the reference inside."""
    words = ["bench", str(build.folder), "--device", PI4, "--backend", "c,onnxruntime,litert,tflite-runtime", "--json"]
    with pytest.raises(SystemExit) as done:
        command.main(words)
    assert not done.value.code
    found = json.loads(capsys.readouterr().out)
    rows = {row["backend"]: row for row in found["rows"]}
    assert list(rows) == ["c", "onnxruntime", "litert", "tflite-runtime"]
    assert all("emulated Cortex-A72" in row["detail"] and row["p50_us"] is None for row in rows.values())
    assert 1000 < rows["c"]["instructions"] < 2500
    assert rows["c"]["x_best"] == 1
    assert all(1.5 < row["x_best"] < 100 for name, row in rows.items() if name != "c")
    assert found["devices"][0]["before"]["core"] == "Cortex-A72, emulated on this computer"


def test_a_whole_test_set_through_a_wheel(build: Build) -> None:
    samples = load_dataset("digits").test.x
    with open_session(build, "tflite", PI4) as session:
        np.testing.assert_array_equal(session.scores(samples), reference.scores(build.network, samples))
        assert session.detail.startswith("litert")


def test_the_c_program_alone(build: Build) -> None:
    samples = load_dataset("digits").test.x
    folders = []
    with open_session(build, "c", PI4) as session:
        folders.append(Path(session._visit.computer.folder))  # type: ignore[attr-defined]
        np.testing.assert_array_equal(session.scores(samples), reference.scores(build.network, samples))
        assert session.scores(samples[:0]).shape == (0, 10)
        assert session.time_ns(samples[0], 3) is None
        first, again = session.instructions(samples[:2]), session.instructions(samples[:2])
        np.testing.assert_array_equal(first, again)  # exact
        layers = session.layers(samples[:1])
    assert first is not None
    assert [figure.name for figure in layers] == [layer.name for layer in build.network.layers]
    assert sum(figure.instructions or 0 for figure in layers) == pytest.approx(first[0], rel=0.1)  # what is around the layers is little
    assert not folders[0].exists()
    predicted = [FORMATS[str(layer.store)].features_on(layer, load_board(PI4)) for layer in build.network.layers]
    total = sum(predict(str(layer.store), found, load_board(PI4)) for layer, found in zip(build.network.layers, predicted, strict=True))
    assert total == pytest.approx(first[0], rel=0.2)


def test_bad_boards_and_counts(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    board = load_board(PI4)
    assert board.linux is not None
    with pytest.raises(InputError, match=r"linux.qemu_core' is 'pentium'; allowed: cortex-a53"):
        open_computer(board.model_copy(update={"linux": board.linux.model_copy(update={"qemu_core": "pentium"})}))
    with pytest.raises(InputError, match="backend 'firmware' does not run on a Linux board"), open_session(build, "firmware", PI4):
        pass
    with pytest.raises(NearwireError, match="saw 2 marks"):
        per_inference([1, 2], 5)
    with open_computer(board) as computer:
        visit = Visit(computer, board, build)
        with pytest.raises(NearwireError, match="compile 'nowhere'|failed with status"):
            computer.run(["python-that-is-not-there"]).check("compile 'nowhere'", computer.name)
        assert session_there(visit, "c").scores(stored_samples(build.folder, build.network)).shape == (4, 10)
    monkeypatch.setattr(emulated.shutil, "which", lambda name: None)
    with pytest.raises(NearwireError, match="apt install qemu-user"):
        open_computer(board)
