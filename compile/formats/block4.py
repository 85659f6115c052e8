"""``block4_s8``: groups of four neurons that share the inputs they read: 4 x 1 blocks of weights (runtime/kernels/block4_s8.c).

One column byte serves four weights (compile/formats/windows.py), so a block is five bytes. Made for networks pruned block by block
(compile/passes/prune.py); a block with one non-zero weight costs as much as a full one.
"""

from __future__ import annotations

import numpy as np

from compile.formats.base import Encoded, MatrixFormat, from_halves, halves
from compile.formats.windows import Windows, slots_of, start_of, windows
from runtime.network.network import Array

ROWS = 4  # of a block
UNIT = 2  # blocks that share a window
CHUNK = 256  # units until the kernel unpacks its sums; NEARWIRE_HALVES inputs


class Block4S8(MatrixFormat):
    """``counts``: pairs of blocks of each group. ``columns``: the group's stride, then its columns. ``blocks``: two words a pair."""

    name = "block4_s8"
    description = "blocks of four neurons' weights of one input, 8-bit columns in a moving window"
    features_of = ("call", "pairs_of_blocks", "chunks", "groups", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        groups = _groups(weights)
        layout = _windows(groups)
        slots = np.zeros((layout.length, ROWS), np.int64)
        slots[layout.slots] = groups[layout.rows, :, layout.inputs]
        packed = halves(slots.reshape(-1, UNIT, ROWS).transpose(0, 2, 1))  # (pairs of blocks, pairs of neurons, blocks)
        words = (packed[..., 0] | packed[..., 1] << 16).astype(np.uint32)
        shape = (weights.shape[0], weights.shape[1])
        return Encoded({"counts": layout.units.astype(np.uint16), "columns": layout.columns, "blocks": words.ravel()}, shape)

    def decode(self, encoded: Encoded) -> Array:
        units = encoded.arrays["counts"].astype(np.int64)
        groups, inputs = slots_of(encoded.arrays["columns"], units, encoded.shape[1], UNIT)
        words = encoded.arrays["blocks"].astype(np.int64).reshape(-1, ROWS // 2)
        blocks = from_halves(np.stack([words, words >> 16], axis=-1)).transpose(0, 2, 1).reshape(-1, ROWS)
        matrix = np.zeros((len(units), encoded.shape[1], ROWS), np.int64)
        np.add.at(matrix, (groups, inputs), blocks)
        return matrix.transpose(0, 2, 1).reshape(-1, encoded.shape[1])[: encoded.shape[0]].astype(np.int8)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (start_of(inputs),)

    def entries(self, weights: Array) -> int:
        return 4 * int((_groups(weights) != 0).any(axis=1).sum())

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        units = _windows(_groups(weights)).units
        return {
            "call": 1,
            "pairs_of_blocks": int(units.sum()),
            "chunks": int((-(-units // CHUNK)).sum()),
            "groups": len(units),
            "neurons": len(weights),
            "requantised": len(weights) * hidden,
        }


def _groups(weights: Array) -> Array:
    """(groups, 4, inputs) of a (outputs, inputs) matrix; neurons that are not there have weight 0."""
    full = np.zeros((-(-len(weights) // ROWS) * ROWS, weights.shape[1]), np.int8)
    full[: len(weights)] = weights
    return full.reshape(-1, ROWS, weights.shape[1])


def _windows(groups: Array) -> Windows:
    return windows((groups != 0).any(axis=1), UNIT)
