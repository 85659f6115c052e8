"""Whose builds run their C here: own ones, others with --trust; and what protects a manifest."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

import runtime
from devices.common.state import VARIABLE
from devices.errors import InputError
from runtime.backends.registry import BACKENDS, runs_code
from runtime.backends.trust import require_trust
from runtime.builds import trust
from runtime.builds.checked import CheckedBuild, open_build
from runtime.builds.digest import digest_of, recorded
from runtime.builds.manifest import Manifest, read_manifest
from runtime.data.dataset import Dataset, load_dataset
from runtime.network.file import load
from tests.support.builds import Zoo
from tests.support.commands import run

FLIPS = 300
SEED = 17


@pytest.fixture(scope="module")
def built(zoo: Zoo) -> Path:
    return zoo.build("digits-field")


@pytest.fixture
def stranger(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The build, as somebody else's."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "state"))
    return built


def test_an_own_build_runs_its_code(built: Path) -> None:
    with runtime.load(built, "c") as session:
        session.run(np.zeros(64, np.uint8))


@pytest.mark.parametrize("backend", ["c", "firmware"])
def test_the_code_of_a_foreign_build_needs_trust(backend: str, stranger: Path) -> None:
    digest = open_build(stranger).digest
    with pytest.raises(InputError, match=f"was not made by you .* backend '{backend}' .*{digest}.* add --trust .*trust=True"):
        runtime.load(stranger, backend)
    with runtime.load(stranger, backend, trust=True) as session:
        session.run(np.zeros(64, np.uint8))


def test_what_runs_code_is_known_of_every_backend() -> None:
    assert {name for name in BACKENDS if not runs_code(name)} == {"reference", "onnxruntime", "tflite"}
    assert runs_code("all")
    assert not runs_code("tflite-runtime")


@pytest.mark.parametrize("backend", ["reference", "onnxruntime", "tflite"])
def test_backends_that_run_no_code_of_the_build_need_no_trust(backend: str, stranger: Path) -> None:
    with runtime.load(stranger, backend) as session:
        session.run(np.zeros(64, np.uint8))


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--backend", "c"),
        ("run", "--device", "emulated-cortex-m4"),
        ("bench",),
        ("bench", "--backend", "onnxruntime,c"),
        ("bench", "--device", "host"),
        ("profile",),
        ("serve",),
        ("flash", "--device", "stm32f411", "--dry-run"),
    ],
)
def test_every_command_that_runs_code_asks_for_trust(words: tuple[str, ...], stranger: Path) -> None:
    done = run("runtime", words[0], str(stranger), *words[1:])
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: '{stranger}' was not made by you")
    assert open_build(stranger).digest in done.stderr
    assert done.stdout == ""


def test_trusted_once_runs_once(stranger: Path) -> None:
    assert run("runtime", "run", str(stranger), "--backend", "c", "--trust", "--json").returncode == 0
    assert run("runtime", "run", str(stranger), "--backend", "c", "--json").returncode == 2


def test_a_changed_build_is_not_the_one_that_was_made(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    require_trust(open_build(copy), ["c"], False)
    raw = json.loads((copy / "manifest.json").read_text())
    (copy / "c" / "model.c").write_text("int evil;\n")
    manifest = read_manifest(copy)
    files = dict(manifest.files) | {"c/model.c": manifest.files["c/model.c"].model_copy(update={"sha256": "0" * 64})}
    (copy / "manifest.json").write_text(manifest.model_copy(update={"files": files}).to_json())
    assert read_manifest(copy).digest != raw["digest"]
    with pytest.raises(InputError, match="was not made by you"):
        require_trust(CheckedBuild(copy, load(copy), read_manifest(copy)), ["c"], False)


@pytest.mark.parametrize("fault", ["file", "others write", "no home", "link"])
def test_without_a_state_folder_of_ones_own_nothing_is_trusted(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv(VARIABLE, str(state))
    if fault == "file":
        state.write_text("")
    elif fault == "others write":
        (state / trust.FOLDER).mkdir(parents=True)
        (state / trust.FOLDER).chmod(0o777)
        (state / trust.FOLDER / "abc").touch()
    elif fault == "link":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "abc").touch()
        state.mkdir()
        (state / trust.FOLDER).symlink_to(tmp_path / "elsewhere")
    else:
        monkeypatch.delenv(VARIABLE)
        monkeypatch.delenv("XDG_STATE_HOME", raising=False)
        monkeypatch.setattr(Path, "expanduser", _homeless)
    note = trust.remember("abc", tmp_path)
    assert note is not None
    assert "--trust" in note
    assert VARIABLE in note
    assert not trust.is_own("abc")


def _homeless(path: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_compile_says_once_that_it_cannot_remember(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    done = run("compile", "zoo:digits-field", "--out", str(tmp_path / "build"), "--firmware-samples", "1", NEARWIRE_STATE=str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: ")
    assert done.stderr.count("\n") == 1


def test_every_flipped_bit_of_a_manifest_is_refused(built: Path, tmp_path: Path) -> None:
    content = (built / "manifest.json").read_bytes()
    chance = random.Random(SEED)
    line = content.index(b'\n "digest": ')  # every bit of the digest's own line, and some of all others
    bits = [*range(8 * line, 8 * (content.index(b"\n", line + 1) + 1)), *(chance.randrange(8 * len(content)) for _ in range(FLIPS))]
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / "manifest.json").write_bytes(changed)
        with pytest.raises(InputError, match="Compile the network again|compile the network again"):
            read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_bytes(content)
    assert read_manifest(tmp_path).digest == recorded(content) == digest_of(content)


def test_a_manifest_that_means_the_same_but_was_written_anew_is_refused(built: Path, tmp_path: Path) -> None:
    raw = json.loads((built / "manifest.json").read_text())
    for text in (json.dumps(raw), json.dumps(raw, indent=1, sort_keys=True), json.dumps(raw, indent=2, sort_keys=True) + "\n"):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(InputError, match="was changed after the build was made"):
            read_manifest(tmp_path)


def test_a_build_of_before_there_were_digests_opens(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    raw = json.loads((copy / "manifest.json").read_text())
    del raw["digest"], raw["data"]
    (copy / "manifest.json").write_text(json.dumps(raw, indent=1, sort_keys=True) + "\n")
    assert open_build(copy).manifest.data is None
    with pytest.raises(InputError, match="was not made by you"):
        runtime.load(copy, "c")
    assert run("runtime", "run", str(copy), "--accuracy", "--json").stderr == ""


def test_class_names_and_scales_are_the_networks(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    manifest = read_manifest(copy)
    names = tuple(f"wrong{k}" for k in range(10))
    changed = manifest.model_copy(update={"output": manifest.output.model_copy(update={"classes": names, "scale": 1e9})})
    (copy / "manifest.json").write_text(changed.to_json())
    assert "wrong" not in run("runtime", "run", str(copy), "--json").stdout
    with runtime.load(copy, "reference") as session, runtime.load(built, "reference") as original:
        sample = np.linspace(0, 1, 64)
        assert session.classify(sample) == original.classify(sample)
        assert np.array_equal(session.run(sample), original.run(sample))


def test_a_test_on_other_data_is_said(built: Path, tmp_path: Path) -> None:
    data = load_dataset("digits")
    build = open_build(built)
    assert isinstance(build.manifest, Manifest)
    assert build.manifest.data is not None
    assert build.manifest.data.samples == len(data.test)
    _write(tmp_path / "turned.npz", data, lambda x: x.reshape(-1, 8, 8).transpose(0, 2, 1))
    done = run("runtime", "run", str(built), "--data", str(tmp_path / "turned.npz"), "--accuracy", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("note: '")
    assert "is not the test data that" in done.stderr
    assert "359 samples of 8 x 8" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run("runtime", "run", str(built), "--accuracy", "--json").stderr == ""


def _write(path: Path, data: Dataset, change) -> None:  # type: ignore[no-untyped-def]
    x, y = data.test.x, data.test.y
    np.savez(path, x=change(x), y=y)
