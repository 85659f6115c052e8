"""``columns_s2`` and ``columns_o2``: weights in 2 bits, input by input: -1, 0, 1, or -3, -1, 1, 3.

One text is the kernel of both, runtime/kernels/columns_2.c.in: they differ in the inputs until the sums are unpacked and in what turns the sums of
codes into those of weights. A function for both would have to be told these when it runs. See ``columns`` for the cost.
"""

from __future__ import annotations

import string

import numpy as np

from compile.formats.base import KERNELS, Encoded
from compile.formats.columns import Columns
from runtime.network.network import Array

BLOCK = 16  # outputs a word
SOURCE = "columns_2.c.in"


class ColumnsS2(Columns):
    name = "columns_s2"
    description = "ternary weights in 2 bits, input by input"
    weight_max = 1
    chunk = 128  # inputs until the sums are unpacked
    code_max = 2
    correction = "sums[k] -= total; /* what storing w + 1 adds */"
    features_of = ("call", "blocks", "chunks", "block_inputs", "block_active", "neurons", "requantised")

    def sources(self) -> tuple[str, str]:
        template = string.Template((KERNELS / SOURCE).read_text(encoding="ascii"))
        values = {"name": self.name, "NAME": self.name.upper(), "chunk": self.chunk, "code_max": self.code_max, "correction": self.correction}
        return (KERNELS / f"{self.name}.h").read_text(encoding="ascii"), template.substitute(values)

    def codes(self, weights: Array) -> Array:
        """Weights as 0..3."""
        return weights.astype(np.int64) + 1

    def weights(self, codes: Array) -> Array:
        """The inverse of ``codes``."""
        return codes.astype(np.int64) - 1

    def encode(self, weights: Array) -> Encoded:
        outputs, inputs = weights.shape
        full = np.ones((-(-outputs // BLOCK) * BLOCK, inputs), np.uint32)
        full[:outputs] = self.codes(weights)
        pairs = full.reshape(-1, BLOCK // 2, 2, inputs)
        words = np.zeros((len(pairs), inputs), np.uint32)
        for k in range(BLOCK // 2):
            words |= pairs[:, k, 0] << np.uint32(2 * k) | pairs[:, k, 1] << np.uint32(16 + 2 * k)
        return Encoded({"blocks": words.ravel()}, (outputs, inputs))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["blocks"].reshape(-1, inputs)
        fields = [words >> np.uint32(2 * k + 16 * half) & np.uint32(3) for k in range(BLOCK // 2) for half in range(2)]
        return np.asarray(self.weights(np.stack(fields, axis=1).reshape(-1, inputs)[:outputs]), np.int8)

    def count(self, weights: Array, hidden: bool, activity: float) -> dict[str, float]:
        outputs, inputs = weights.shape
        blocks = -(-outputs // BLOCK)
        return {
            "call": 1,
            "blocks": blocks,
            "chunks": blocks * -(-inputs // self.chunk),
            "block_inputs": blocks * inputs,
            "block_active": blocks * inputs * activity,
            "neurons": outputs,
            "requantised": outputs * hidden,
        }


class ColumnsO2(ColumnsS2):
    name = "columns_o2"
    description = "weights of -3, -1, 1 and 3 in 2 bits, input by input"
    weight_max = 3
    zeros = False
    chunk = 85
    code_max = 3
    correction = "sums[k] = 2 * sums[k] - 3 * total; /* (w + 3) / 2 is stored */"

    def refusal(self, weights: Array) -> str | None:
        even = int((weights.astype(np.int64) % 2 == 0).sum())
        return super().refusal(weights) or (f"it holds odd weights, the layer has {even} even ones" if even else None)

    def codes(self, weights: Array) -> Array:
        return (weights.astype(np.int64) + 3) // 2

    def weights(self, codes: Array) -> Array:
        return codes.astype(np.int64) * 2 - 3
