"""``csr_s8`` and ``csr16_s8``: only the non-zero weights, neuron by neuron, each with the input it belongs to (runtime/kernels/csr*_s8.c).

``csr_s8`` cuts the inputs into strips of 256, so that a column is one byte: two bytes an entry and one byte a neuron and strip.
``csr16_s8`` has 16-bit columns: three bytes an entry and two bytes a neuron; fewer instructions where there are several strips.
Entries come in pairs, so that the kernels need no loop for a rest; an odd one is followed by weight 0.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from compile.formats.base import Encoded, MatrixFormat
from runtime.network import Array

STRIP = 256


class _Csr(MatrixFormat):
    """Compressed rows over strips of ``width`` inputs; ``column_type`` of a column and of a count."""

    column_type: str

    @abstractmethod
    def width(self, inputs: int) -> int:
        """Inputs a strip."""

    def _pairs(self, weights: Array) -> Array:
        """(outputs, strips) number of pairs of entries."""
        outputs, inputs = weights.shape
        width = self.width(inputs)
        filled = np.zeros((outputs, -(-inputs // width) * width), bool)
        filled[:, :inputs] = weights != 0
        return np.asarray((filled.reshape(outputs, -1, width).sum(axis=2) + 1) // 2)

    def encode(self, weights: Array) -> Encoded:
        width = self.width(weights.shape[1])
        pairs = self._pairs(weights)
        rows, inputs = np.nonzero(weights)
        strip = rows * pairs.shape[1] + inputs // width  # in order of rows and inputs, so it never decreases
        entries_before = np.concatenate(([0], np.cumsum(2 * pairs.ravel())))  # where a strip's entries start
        strip_starts = np.searchsorted(strip, np.arange(pairs.size))
        places = entries_before[strip] + np.arange(len(strip)) - strip_starts[strip]
        columns = np.zeros(int(entries_before[-1]), self.column_type)
        values = np.zeros(len(columns), np.int8)
        columns[places] = inputs % width
        values[places] = weights[rows, inputs]
        shape = (weights.shape[0], weights.shape[1])
        return Encoded({"counts": pairs.ravel().astype(self.column_type), "columns": columns, "weights": values}, shape)

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        width = self.width(inputs)
        strips = -(-inputs // width)
        entries = 2 * encoded.arrays["counts"].astype(np.int64)
        strip = np.repeat(np.arange(len(entries)), entries)
        matrix = np.zeros((outputs, strips * width), np.int8)
        np.add.at(matrix, (strip // strips, strip % strips * width + encoded.arrays["columns"]), encoded.arrays["weights"])
        return matrix[:, :inputs]

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        pairs = self._pairs(weights)
        return {
            "call": 1,
            "quads_of_entries": int((pairs // 2).sum()),
            "quad_loops": int((pairs > 1).sum()),
            "odd_pairs": int((pairs % 2).sum()),
            "strips": pairs.size,
            "neurons": len(pairs),
            "requantised": len(pairs) * hidden,
        }


class CsrS8(_Csr):
    name = "csr_s8"
    description = "non-zero weights, 8-bit columns in strips of 256 inputs"
    column_type = "uint8"
    features_of = ("call", "quads_of_entries", "quad_loops", "odd_pairs", "strips", "neurons", "requantised")

    def width(self, inputs: int) -> int:
        return STRIP

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (-(-inputs // STRIP),)


class Csr16S8(_Csr):
    name = "csr16_s8"
    description = "non-zero weights, 16-bit columns"
    column_type = "uint16"
    features_of = ("call", "eights_of_entries", "eight_loops", "odd_quads", "odd_pairs", "neurons", "requantised")

    def width(self, inputs: int) -> int:
        return inputs

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return ()

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        pairs = self._pairs(weights)
        return {
            "call": 1,
            "eights_of_entries": int((pairs // 4).sum()),
            "eight_loops": int((pairs > 3).sum()),
            "odd_quads": int((pairs // 2 % 2).sum()),
            "odd_pairs": int((pairs % 2).sum()),
            "neurons": len(pairs),
            "requantised": len(pairs) * hidden,
        }
