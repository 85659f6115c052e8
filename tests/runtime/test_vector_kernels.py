"""The vector variants for AArch64, on emulated cores with and without dot product, compute the reference's scores. (x86-64: test_native.py.)"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from bench.support.compiled import SANITIZERS, sanitizers_missing
from bench.support.stored import NETWORKS, stored
from compile.emit.c import steady as c
from devices.boards.board import load_board
from devices.computers import emulated, open_computer
from devices.tools import toolchain
from runtime.builds.build import Build
from runtime.builds.sources import add_fast
from runtime.network import reference
from runtime.network.network import Network
from runtime.remote.sessions import session_there
from runtime.remote.visit import Visit
from tests.support.needs import needs

TAKEN = (
    *("all formats", "all formats, other order", "wide and sparse", "boxes and ternary columns", "boxes and odd columns"),
    *("boxes, narrow cells, cut input", "positions, expanded", "positions, on the fly"),
)
CASES: dict[str, Network] = {
    **{name: NETWORKS[name] for name in TAKEN},
    "dense": stored((300, 37, 10), ("dense_s8",), density=1.0),
}


@pytest.mark.parametrize("board", ["emulated-pi3", "emulated-pi5"])
@pytest.mark.parametrize("name", CASES)
def test_neon_is_exact(name: str, board: str, tmp_path: Path) -> None:
    needs(emulated.missing())
    network = CASES[name]
    c.emit(network, tmp_path)
    samples = np.random.default_rng(3).integers(0, 256, (40, network.input.size)).astype(np.uint8)
    samples[0], samples[1] = 0, 255
    chosen = load_board(board)
    with open_computer(chosen) as computer:
        session = session_there(Visit(computer, chosen, Build(tmp_path, network)), "c")
        np.testing.assert_array_equal(session.scores(samples), reference.scores(network, samples))


EDGES = (
    "all formats",
    "wide and sparse",
    "one layer",
    "narrow and wide",
    "boxes and columns",
    "boxes and odd columns",
    "boxes, narrow cells, cut input",
)


@pytest.mark.parametrize("name", EDGES)
def test_the_vector_kernels_are_clean_under_the_sanitizers(name: str, tmp_path: Path) -> None:
    host = load_board("host").toolchain
    needs(sanitizers_missing())
    c.emit(NETWORKS[name], tmp_path)
    place = tmp_path / "c"
    sources = [place / file for file in ("main.c", "model.c", "fast.c")]
    toolchain.compiler_for(host).run([*SANITIZERS, "-std=c99", *add_fast(place), "-o", tmp_path / "demo", *sources], "the demo with vector kernels")
    done = subprocess.run([tmp_path / "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
