"""``columns_s2``: weights of -1, 0 and 1 in 2 bits, input by input (runtime/kernels/columns_s2.c). See ``columns`` for the cost."""

from __future__ import annotations

import numpy as np

from compile.formats.base import Encoded
from compile.formats.columns import Columns
from runtime.network import Array

BLOCK = 16  # outputs a word
CHUNK = 128  # inputs until the sums are unpacked; NEARWIRE_COLUMNS_S2_CHUNK


class ColumnsS2(Columns):
    name = "columns_s2"
    description = "ternary weights in 2 bits, input by input"
    weight_max = 1
    features_of = ("call", "blocks", "chunks", "block_inputs", "block_active", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        outputs, inputs = weights.shape
        full = np.ones((-(-outputs // BLOCK) * BLOCK, inputs), np.uint32)
        full[:outputs] = weights.astype(np.int64) + 1
        pairs = full.reshape(-1, BLOCK // 2, 2, inputs)
        words = np.zeros((len(pairs), inputs), np.uint32)
        for k in range(BLOCK // 2):
            words |= pairs[:, k, 0] << np.uint32(2 * k) | pairs[:, k, 1] << np.uint32(16 + 2 * k)
        return Encoded({"blocks": words.ravel()}, (outputs, inputs))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["blocks"].reshape(-1, inputs)
        fields = [words >> np.uint32(2 * k + 16 * half) & np.uint32(3) for k in range(BLOCK // 2) for half in range(2)]
        return np.asarray(np.stack(fields, axis=1).reshape(-1, inputs)[:outputs].astype(np.int64) - 1, np.int8)

    def count(self, weights: Array, hidden: bool, activity: float) -> dict[str, float]:
        outputs, inputs = weights.shape
        blocks = -(-outputs // BLOCK)
        return {
            "call": 1,
            "blocks": blocks,
            "chunks": blocks * -(-inputs // CHUNK),
            "block_inputs": blocks * inputs,
            "block_active": blocks * inputs * activity,
            "neurons": outputs,
            "requantised": outputs * hidden,
        }
