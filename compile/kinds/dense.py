"""``dense``: every weight to the nearest step, one power-of-two scale a row; steps from quantisation-aware training are kept."""

from __future__ import annotations

import numpy as np

from compile.kinds.base import IntegerWeights, Lowering, power_of_two_scales, trained_scales
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer


class DenseLowering(Lowering):
    name = "dense"

    def cut(self, layer: Layer, kept: Array, size: Array) -> Layer:
        return layer.with_arrays(weight=np.where(kept, layer.arrays["weight"], np.float32(0)))

    def quantise(self, layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
        return quantise_weights(layer, coarser, exponent_max)


def quantise_weights(layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
    """``Lowering.quantise`` of a layer with a plain array ``weight``."""
    weight = layer.arrays["weight"].astype(np.float64)
    scale, exponent = trained_scales(layer) or power_of_two_scales(np.abs(weight).max(axis=1), WEIGHT_MAX, coarser, exponent_max)
    integers = np.clip(np.rint(weight / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
    return IntegerWeights(layer.with_arrays(drop=("step",), weight=integers), scale, exponent)
