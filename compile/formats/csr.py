"""``csr_s8`` and ``csr16_s8``: only the non-zero weights, neuron by neuron, each with the input it belongs to (runtime/kernels/csr*_s8.c).

``csr_s8``: a column is one byte, counted from a window that moves along the row (compile/formats/windows.py): two bytes an entry and three
a neuron, entries in fours. ``csr16_s8``: 16-bit columns, three bytes an entry and two a neuron, entries in pairs; it needs no windows.
"""

from __future__ import annotations

import numpy as np

from compile.formats.base import Encoded, MatrixFormat
from compile.formats.windows import slots_of, start_of, windows
from runtime.network.network import Array

UNIT = 4  # entries of csr_s8 that share a window


class CsrS8(MatrixFormat):
    """``counts``: units of four entries of each neuron. ``columns``: the neuron's stride, then its columns."""

    name = "csr_s8"
    description = "non-zero weights, 8-bit columns in a moving window"
    features_of = ("call", "eights_of_entries", "eight_loops", "odd_quads", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        layout = windows(weights != 0, UNIT)
        values = np.zeros(layout.length, np.int8)
        values[layout.slots] = weights[layout.rows, layout.inputs]
        shape = (weights.shape[0], weights.shape[1])
        return Encoded({"counts": layout.units.astype(np.uint16), "columns": layout.columns, "weights": values}, shape)

    def decode(self, encoded: Encoded) -> Array:
        units = encoded.arrays["counts"].astype(np.int64)
        rows, inputs = slots_of(encoded.arrays["columns"], units, encoded.shape[1], UNIT)
        matrix = np.zeros(encoded.shape, np.int8)
        np.add.at(matrix, (rows, inputs), encoded.arrays["weights"])
        return matrix

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (start_of(inputs),)

    def entries(self, weights: Array) -> int:
        return int(np.count_nonzero(weights))

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        units = windows(weights != 0, UNIT).units
        return {
            "call": 1,
            "eights_of_entries": int((units // 2).sum()),
            "eight_loops": int((units > 1).sum()),
            "odd_quads": int((units % 2).sum()),
            "neurons": len(units),
            "requantised": len(units) * hidden,
        }


class Csr16S8(MatrixFormat):
    """``counts``: pairs of entries of each neuron; an odd entry is followed by weight 0."""

    name = "csr16_s8"
    description = "non-zero weights, 16-bit columns"
    features_of = ("call", "eights_of_entries", "eight_loops", "odd_quads", "odd_pairs", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        pairs = _pairs(weights)
        rows, inputs = np.nonzero(weights)
        before = np.concatenate(([0], np.cumsum(2 * pairs)))  # where a row's entries start
        slots = before[rows] + np.arange(len(rows)) - np.searchsorted(rows, np.arange(len(pairs)))[rows]
        columns = np.zeros(int(before[-1]), np.uint16)
        values = np.zeros(len(columns), np.int8)
        columns[slots] = inputs
        values[slots] = weights[rows, inputs]
        shape = (weights.shape[0], weights.shape[1])
        return Encoded({"counts": pairs.astype(np.uint16), "columns": columns, "weights": values}, shape)

    def decode(self, encoded: Encoded) -> Array:
        entries = 2 * encoded.arrays["counts"].astype(np.int64)
        matrix = np.zeros(encoded.shape, np.int8)
        np.add.at(matrix, (np.repeat(np.arange(len(entries)), entries), encoded.arrays["columns"]), encoded.arrays["weights"])
        return matrix

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return ()

    def entries(self, weights: Array) -> int:
        return int(np.count_nonzero(weights))

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        pairs = _pairs(weights)
        return {
            "call": 1,
            "eights_of_entries": int((pairs // 4).sum()),
            "eight_loops": int((pairs > 3).sum()),
            "odd_quads": int((pairs // 2 % 2).sum()),
            "odd_pairs": int((pairs % 2).sum()),
            "neurons": len(pairs),
            "requantised": len(pairs) * hidden,
        }


def _pairs(weights: Array) -> Array:
    """(outputs,) int64 pairs of entries."""
    return np.asarray(((weights != 0).sum(axis=1) + 1) // 2, np.int64)
