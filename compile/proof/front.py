"""The front end's C against its law: every byte of every raw test sample, compiled for this computer, also where a compiler may contract floats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from devices.errors import CheckError
from runtime.backends import backend
from runtime.network.front.stages import quantised
from runtime.network.network import Array, Network


@dataclass(frozen=True)
class FrontProof:
    """How many raw samples were compared, and by what; ``missing`` says why none were."""

    samples: int
    detail: str
    missing: str | None = None


def prove_front(folder: Path, network: Network, raw: Array) -> FrontProof:
    """CheckError naming the first raw value whose byte differs between the build's front.c and the law. ``raw``: (n, size) test samples."""
    chosen = backend("c")
    if reason := chosen.missing():
        return FrontProof(0, "", reason)
    expected = quantised(network.front, network.input, raw, "the raw test samples")
    with chosen.open(folder, network) as session:
        actual = session.quantise(raw)
        detail = session.detail
    wrong = np.argwhere(actual != expected)
    if len(wrong):
        sample, value = map(int, wrong[0])
        raise CheckError(
            f"front.c ({detail}) makes byte {actual[sample, value]} of raw value {raw[sample, value]!r} (sample {sample}, value {value}), the law says "
            f"{expected[sample, value]}; {len(wrong)} values differ. The compiler does not keep to IEEE float32: leave out options as -ffast-math."
        )
    return FrontProof(len(raw), detail)
