"""``dense_s8``, ``dense16_s8`` and ``dense32_s8``: all weights, packed so that one multiplication serves two neurons (runtime/kernels/dense*_s8.c).

``dense16_s8`` is for cores that multiply and add two pairs of 16 bits at once (DSP extension: Cortex-M4, M7, most M33), ``dense_s8`` for
those that multiply 32 x 32 bits into 64 (Cortex-M3, 64-bit processors), ``dense32_s8`` for those that do neither (Cortex-M0+, small RISC-V).
All compute the same everywhere; only their speed differs.
"""

from __future__ import annotations

import numpy as np

from compile.formats.base import Encoded, MatrixFormat, from_halves, halves, pad
from runtime.network.network import Array

CHUNK = 512  # inputs until sums are unpacked; NEARWIRE_DENSE_S8_CHUNK, NEARWIRE_HALVES


class DenseS8(MatrixFormat):
    """Four neurons a word: bytes 0, 3, 2, 1 of the word of an input are neurons j, j + 1, j + 2, j + 3, each w + 64."""

    name = "dense_s8"
    description = "all weights, four neurons a word"
    needs = ("offset",)
    features_of = ("call", "pairs_of_inputs", "odd_inputs", "chunks", "groups", "neurons", "requantised", "input_quads", "input_rest")

    def encode(self, weights: Array) -> Encoded:
        w = pad(weights, 4, 1).reshape(-1, 4, weights.shape[1])
        words = w[:, 0] | w[:, 3] << 8 | w[:, 2] << 16 | w[:, 1] << 24
        return Encoded({"weights": words.astype(np.uint32).ravel()}, (weights.shape[0], weights.shape[1]))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["weights"].reshape(-1, inputs)
        rows = np.stack([words >> np.uint32(byte) & 0xFF for byte in (0, 24, 16, 8)], axis=1).reshape(-1, inputs)
        return np.asarray(rows[:outputs].astype(np.int64) - 64, np.int8)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        outputs, inputs = weights.shape
        groups = -(-outputs // 4)
        return {
            "call": 1,
            "pairs_of_inputs": groups * (inputs // 2),
            "odd_inputs": groups * (inputs % 2),
            "chunks": groups * -(-inputs // CHUNK),
            "groups": groups,
            "neurons": outputs,
            "requantised": outputs * hidden,
            "input_quads": inputs // 4,
            "input_rest": inputs % 4,
        }


class Dense16S8(MatrixFormat):
    """Two neurons and two inputs a word; four inputs are read as 0, 2 and 1, 3, the rest in order."""

    name = "dense16_s8"
    description = "all weights, two neurons and two inputs a word, pairs of 16-bit multiplications"
    features_of = ("call", "quads_of_inputs", "rest_words", "chunks", "groups", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        outputs, inputs = weights.shape
        full = np.zeros((-(-outputs // 4) * 4, -(-inputs // 2) * 2), np.int64)
        full[:outputs, :inputs] = weights
        packed = halves(full[:, _order16(inputs)].reshape(-1, 4, full.shape[1])).reshape(-1, 2, full.shape[1] // 2, 2)
        words = packed[..., 0] | packed[..., 1] << 16  # (groups, pairs of neurons, pairs of inputs)
        return Encoded({"weights": words.transpose(0, 2, 1).astype(np.uint32).ravel()}, (outputs, inputs))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["weights"].astype(np.int64).reshape(-1, -(-inputs // 2), 2).transpose(0, 2, 1)
        rows = from_halves(np.stack([words, words >> 16], axis=-1).reshape(len(words), 2, -1))
        matrix = np.zeros((4 * len(words), rows.shape[2]), np.int64)
        matrix[:, _order16(inputs)] = rows.reshape(matrix.shape)
        return matrix[:outputs, :inputs].astype(np.int8)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        outputs, inputs = weights.shape
        groups = -(-outputs // 4)
        return {
            "call": 1,
            "quads_of_inputs": groups * (inputs // 4),
            "rest_words": groups * -(-(inputs % 4) // 2),
            "chunks": groups * -(-inputs // CHUNK),
            "groups": groups,
            "neurons": outputs,
            "requantised": outputs * hidden,
        }


def _order16(inputs: int) -> Array:
    """The inputs in the order in which dense16_s8 packs them, filled up to an even number."""
    quads = np.arange(inputs // 4 * 4).reshape(-1, 4)[:, [0, 2, 1, 3]].ravel()
    return np.concatenate([quads, np.arange(len(quads), -(-inputs // 2) * 2)])


class Dense32S8(MatrixFormat):
    """Two neurons and two inputs a word: bytes 0, 2 are neurons j, j + 1 of input i, bytes 1, 3 those of input i + 1, each w + 64."""

    name = "dense32_s8"
    description = "all weights, two neurons a word, 32-bit multiplications"
    needs = ("offset",)
    features_of = ("call", "quads_of_inputs", "pair_rest", "odd_inputs", "groups", "neurons", "requantised", "input_quads", "input_rest")

    def encode(self, weights: Array) -> Encoded:
        w = pad(weights, 2, 2)
        w = w.reshape(len(w) // 2, 2, -1, 2)
        words = w[:, 0, :, 0] | w[:, 0, :, 1] << 8 | w[:, 1, :, 0] << 16 | w[:, 1, :, 1] << 24
        return Encoded({"weights": words.astype(np.uint32).ravel()}, (weights.shape[0], weights.shape[1]))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words = encoded.arrays["weights"].reshape(-1, (inputs + 1) // 2)
        rows = [np.stack([words >> np.uint32(byte + even) & 0xFF for even in (0, 8)], axis=2).reshape(len(words), -1) for byte in (0, 16)]
        both = np.stack(rows, axis=1).reshape(-1, rows[0].shape[1])
        return np.asarray(both[:outputs, :inputs].astype(np.int64) - 64, np.int8)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        outputs, inputs = weights.shape
        groups = -(-outputs // 2)
        return {
            "call": 1,
            "quads_of_inputs": groups * (inputs // 4),
            "pair_rest": groups * (inputs // 2 % 2),
            "odd_inputs": groups * (inputs % 2),
            "groups": groups,
            "neurons": outputs,
            "requantised": outputs * hidden,
            "input_quads": inputs // 4,
            "input_rest": inputs % 4,
        }
