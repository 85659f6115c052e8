"""``field`` and ``replicated``: edges are integers already, charges become integers whose every overlapping sum fits the law.

Rules:
1. Rule ``box``: one power-of-two scale a neuron, the finest for which the largest |sum of charges| over any cell, and each charge
   itself, stays within 63 steps; where rounding the charges breaks that, the neuron's scale is doubled.
2. Steps from quantisation-aware training are kept.
3. Other rules: the weights are summed first and rounded after, as a ``dense`` layer's.
"""

from __future__ import annotations

import numpy as np

from compile.kinds.base import IntegerWeights, power_of_two_scales, trained_scales
from compile.kinds.dense import quantise_dense
from devices.errors import CheckError
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import box_edges
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer


def quantise_boxes(layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
    """See ``base.Quantiser``."""
    if layer.options["rule"] != "box":
        found = quantise_dense(layer.with_arrays(weight=kind_of(layer).weights(layer)), coarser, exponent_max)
        return IntegerWeights(found.layer.with_arrays(drop=("position", "reach", "charge", "channel")), found.scale, found.exponent)
    charge = layer.arrays["charge"].astype(np.float64)
    fixed = trained_scales(layer)
    largest = np.maximum(np.abs(kind_of(layer).weights(layer)).max(axis=1), np.abs(charge).max(axis=1))
    scale, exponent = fixed or power_of_two_scales(largest, WEIGHT_MAX, coarser, exponent_max)
    while True:
        done = _with_charges(layer, np.rint(charge / scale[:, None]))
        over = np.abs(kind_of(done).integer_weights(done).astype(np.int64)).max(axis=1) > WEIGHT_MAX
        if not over.any():
            return IntegerWeights(done, scale, exponent)
        if fixed:
            raise CheckError(
                f"layer '{layer.name}': the trained charges of {over.sum()} neurons sum to more than {WEIGHT_MAX} steps. Train it again."
            )
        if (exponent[over] == 0).any():
            return quantise_boxes(layer, coarser * 1.02, exponent_max)
        exponent = exponent - over
        scale = np.where(over, scale * 2, scale)


def _with_charges(layer: Layer, charge: Array) -> Layer:
    area = tuple(int(n) for n in layer.options.get("kernel", layer.options["grid"]))
    edges = box_edges(layer.arrays["position"], layer.arrays["reach"], (area[0], area[1]))
    limited = np.clip(charge, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
    return layer.with_arrays(drop=("position", "reach", "step"), edges=edges, charge=limited)
