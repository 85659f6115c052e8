"""``columns_s4``: all weights in 4 bits, input by input, for layers whose inputs are often zero (runtime/kernels/columns_s4.c).

Two bytes hold four neurons' weights of one input; an input of zero is skipped, so the cost depends on the data: the share of inputs that
are not zero over the calibration samples (option ``activity``) predicts it.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from compile.formats.base import Encoded, MatrixFormat, bias_refusal, requantises
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer

CHUNK = 17  # inputs until the sums are unpacked; NEARWIRE_COLUMNS_S4_CHUNK


class Columns(MatrixFormat):
    """All weights of one input, then of the next; hidden biases and shifts are packed."""

    packed = True

    @abstractmethod
    def count(self, weights: Array, hidden: bool, activity: float) -> dict[str, float]:
        """The features of a matrix of whose inputs the share ``activity`` is not zero."""

    def refusal(self, weights: Array) -> str | None:
        largest = int(np.abs(weights.astype(np.int64)).max(initial=0))
        if largest > self.weight_max:
            return f"it holds weights of -{self.weight_max}..{self.weight_max}, the layer has {largest}"
        return super().refusal(weights)

    def refuses(self, layer: Layer) -> str | None:
        return super().refuses(layer) or bias_refusal(layer)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        return self.count(weights, hidden, 1.0)

    def layer_features(self, layer: Layer) -> dict[str, float]:
        return self.count(kind_of(layer).integer_weights(layer), requantises(layer), float(layer.options.get("activity", 1.0)))


class ColumnsS4(Columns):
    name = "columns_s4"
    description = "all weights in 4 bits, input by input"
    weight_max = 7
    features_of = ("call", "blocks", "chunks", "block_inputs", "block_active", "pairs", "pair_inputs", "pair_active", "neurons", "requantised")

    def encode(self, weights: Array) -> Encoded:
        outputs, inputs = weights.shape
        blocks = outputs // 8
        w = (weights.astype(np.int64) + 8).astype(np.uint32)
        of_block = w[: 8 * blocks].reshape(blocks, 4, 2, inputs)
        words = np.zeros((blocks, inputs), np.uint32)
        for k in range(4):
            words |= of_block[:, k, 0] << np.uint32(4 * k) | of_block[:, k, 1] << np.uint32(16 + 4 * k)
        rest = np.full((-(-(outputs - 8 * blocks) // 2) * 2, inputs), 8, np.uint32)
        rest[: outputs - 8 * blocks] = w[8 * blocks :]
        pairs = rest.reshape(-1, 2, inputs)
        return Encoded({"blocks": words.ravel(), "pairs": (pairs[:, 0] | pairs[:, 1] << np.uint32(4)).astype(np.uint8).ravel()}, (outputs, inputs))

    def decode(self, encoded: Encoded) -> Array:
        outputs, inputs = encoded.shape
        words, pairs = encoded.arrays["blocks"].reshape(-1, inputs), encoded.arrays["pairs"].reshape(-1, inputs)
        of_block = [words >> np.uint32(4 * k + 16 * half) & np.uint32(15) for k in range(4) for half in range(2)]
        full = np.stack(of_block, axis=1).reshape(-1, inputs)
        rest = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(-1, inputs)
        return np.asarray(np.concatenate([full, rest])[:outputs].astype(np.int64) - 8, np.int8)

    def count(self, weights: Array, hidden: bool, activity: float) -> dict[str, float]:
        outputs, inputs = weights.shape
        blocks, pairs = outputs // 8, -(-(outputs % 8) // 2)
        return {
            "call": 1,
            "blocks": blocks,
            "chunks": blocks * -(-inputs // CHUNK),
            "block_inputs": blocks * inputs,
            "block_active": blocks * inputs * activity,
            "pairs": pairs,
            "pair_inputs": pairs * inputs,
            "pair_active": pairs * inputs * activity,
            "neurons": outputs,
            "requantised": outputs * hidden,
        }
