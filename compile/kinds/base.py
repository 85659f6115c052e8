"""What a quantiser of one layer kind returns, and the rule for scales that all follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.network.network import Array, Layer


@dataclass(frozen=True)
class IntegerWeights:
    """A layer with integer weight arrays (bias and shift still to come) and what a step is worth.

    scale_j = base * 2**-exponent_j. Hidden layers may choose exponents >= 0 per neuron, because their requantisation is a shift, so scales
    differ by powers of two; the last layer has one scale, so that its scores compare.
    """

    layer: Layer
    scale: Array  # (rows,) float64, real weight a step
    exponent: Array  # (rows,) int64


Quantiser = Callable[[Layer, float, int], IntegerWeights]
"""(float layer, coarser, exponent_max): ``coarser`` >= 1 multiplies the base; ``exponent_max`` bounds the exponents, 0 for the last layer."""


def power_of_two_scales(largest: Array, limit: int, coarser: float, exponent_max: int) -> tuple[Array, Array]:
    """(scale, exponent) of rows whose largest |w| are given: each the finest that keeps the row within ``limit`` steps."""
    base = max(float(largest.max()), 1e-12) / limit * coarser
    room = np.log2(base * limit / np.maximum(largest, 1e-12))
    exponent = np.clip(np.floor(room + 1e-9), 0, exponent_max).astype(np.int64)
    return base * np.exp2(-exponent), exponent


def trained_scales(layer: Layer) -> tuple[Array, Array] | None:
    """(scale, exponent) that quantisation-aware training fixed for the layer (array ``step``); None if it was trained without."""
    if "step" not in layer.arrays:
        return None
    scale = layer.arrays["step"].astype(np.float64)
    exponent = np.rint(np.log2(scale.max() / scale)).astype(np.int64)
    if not (scale > 0).all() or np.abs(scale.max() * np.exp2(-exponent) / scale - 1).max() > 1e-4:
        raise InputError(f"layer '{layer.name}': array 'step' holds values whose ratios are not powers of two. Train it again.")
    return scale.max() * np.exp2(-exponent), exponent


def untrained(layer: Layer) -> Layer:
    """The layer without what quantisation-aware training fixed, for a pass that changes what it was fixed for."""
    return layer.with_arrays(drop=("step",)).with_options(drop=("output_scale", "position_step"))
