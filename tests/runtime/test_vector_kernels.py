"""The vector variants for AArch64, on emulated cores with and without dot product, compute the reference's scores. (x86-64: test_native.py.)"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compile.emit import c
from devices.board import load_board
from devices.computers import emulated, open_computer
from runtime import reference
from runtime.build import Build
from runtime.network import Network
from runtime.remote import Visit
from tests.compile.test_emit_c import NETWORKS, stored
from tests.devices.tools import needs

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
        session = Visit(computer, chosen, Build(tmp_path, None, network)).session("c")  # type: ignore[arg-type]
        np.testing.assert_array_equal(session.scores(samples), reference.scores(network, samples))
