"""Backend ``c``: the compiled build computes the law bit for bit; its figures make sense; bad folders are one clear error."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.support.stored import NETWORKS, stored
from compile.emit.c import steady as c
from devices.boards.board import load_board
from devices.errors import InputError, NearwireError
from devices.tools import toolchain
from runtime.backends.c.steady import BACKEND, NativeSession
from runtime.network import reference
from runtime.network.network import Network
from tests.support.needs import needs
from tests.support.strategies import Case, cases

HOST = load_board("host").toolchain


@pytest.fixture(scope="module", autouse=True)
def compiler() -> None:
    needs(BACKEND.missing())


def with_formats(network: Network, seed: int) -> Network:
    """A stored network with a random format a layer."""
    from dataclasses import replace

    from compile.formats import MATRIX_FORMATS as FORMATS

    rng = np.random.default_rng(seed)
    return network.with_layers(tuple(replace(layer, store=str(rng.choice(list(FORMATS)))) for layer in network.layers), "stored")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), seed=st.integers(0, 1000))
def test_scores_equal_the_reference(case: Case, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("build")
    network = with_formats(case.network, seed)
    c.emit(network, folder)
    with BACKEND.open(folder, network) as session:
        found = session.scores(case.samples)
        assert isinstance(session, NativeSession)
        for level in (1, 0):
            assert session.vector_level(level) <= level
            assert np.array_equal(session.scores(case.samples), found)
    assert found.dtype == np.int32
    assert np.array_equal(found, reference.scores(network, case.samples))
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_format_and_the_edges(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    c.emit(network, tmp_path)
    samples = np.random.default_rng(5).integers(0, 256, (300, network.input.size)).astype(np.uint8)
    with BACKEND.open(tmp_path, network) as session:
        assert isinstance(session, NativeSession)
        for level in (2, 1, 0):
            session.vector_level(level)
            assert np.array_equal(session.scores(samples), reference.scores(network, samples))
        assert session.scores(samples[:0]).shape == (0, len(network.classes))
        assert np.array_equal(session.scores(samples[::2]), reference.scores(network, samples[::2]))  # not contiguous


def test_a_build_of_a_version_without_batches(tmp_path: Path) -> None:
    network = NETWORKS["one layer"]
    c.emit(network, tmp_path)
    header = tmp_path / "c" / "model.h"
    text = header.read_text()
    older = re.sub(r"static inline void nearwire_infer_batch.*?\n}\n", "", text, flags=re.DOTALL)
    assert older != text
    header.write_text(older)
    samples = np.arange(256, dtype=np.uint8)[:, None]
    with BACKEND.open(tmp_path, network) as session:
        assert np.array_equal(session.scores(samples), reference.scores(network, samples))


def test_time_and_layers(tmp_path: Path) -> None:
    network = stored((700, 200, 10), ("csr16_s8",), density=1.0)
    c.emit(network, tmp_path)
    samples = np.full((2, 700), 9, np.uint8)
    with BACKEND.open(tmp_path, network) as session:
        times = session.time_ns(samples[0], 50)
        layers = session.layers(samples)
        assert session.instructions(samples) is None
        assert np.array_equal(session.scores(samples), reference.scores(network, samples))  # profiling leaves nothing behind
        assert session.layers(samples[:0]) == []
    assert times is not None
    assert times.shape == (50,)
    assert (times > 0).all()
    assert [figure.name for figure in layers] == ["layer0", "layer1"]
    assert layers[0].time_us is not None
    assert layers[1].time_us is not None
    assert layers[0].time_us > layers[1].time_us > 0
    assert "-O3" in session.detail


def test_the_temporary_files_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(work))
    build = tmp_path / "build"
    build.mkdir()
    c.emit(NETWORKS["one layer"], build)
    with BACKEND.open(build, NETWORKS["one layer"]):
        pass
    (build / "c" / "model.c").write_text("nonsense")
    with pytest.raises(NearwireError):
        BACKEND.open(build, NETWORKS["one layer"])
    assert list(work.iterdir()) == []


def test_bad_folders_and_samples(tmp_path: Path) -> None:
    network = NETWORKS["one layer"]
    with pytest.raises(InputError, match="nearwire.h"):
        BACKEND.open(tmp_path, network)
    c.emit(network, tmp_path)
    with pytest.raises(InputError, match="not the code of the network"):
        BACKEND.open(tmp_path, NETWORKS["cut input"])
    with BACKEND.open(tmp_path, network) as session:
        for samples in (np.zeros((1, 2), np.uint8), np.zeros((1, 1), np.float32), np.zeros(1, np.uint8)):
            with pytest.raises(InputError, match="uint8 of shape"):
                session.scores(samples)
    (tmp_path / "c" / "model.c").write_text("int broken = ;\n")
    with pytest.raises(NearwireError, match=r"could not compile.*error"):
        BACKEND.open(tmp_path, network)


def test_no_compiler_is_said_before_and_when_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    assert "pip install ziglang" in str(BACKEND.missing())
    with pytest.raises(NearwireError, match="pip install ziglang"):
        BACKEND.open(tmp_path, NETWORKS["one layer"])


def test_zig_compiles_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(toolchain.missing(load_board("emulated-cortex-m4").toolchain))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    network = NETWORKS["all formats"]
    c.emit(network, tmp_path)
    samples = np.random.default_rng(5).integers(0, 256, (50, network.input.size)).astype(np.uint8)
    with BACKEND.open(tmp_path, network) as session:
        assert session.detail.startswith("zig")
        assert np.array_equal(session.scores(samples), reference.scores(network, samples))
