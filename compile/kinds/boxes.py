"""What ``field`` and ``replicated`` share: edges are integers already, charges become integers whose every overlapping sum fits the law.

Rules:
1. Rule ``box``: one power-of-two scale a neuron, the finest for which the largest |sum of charges| over any cell, and each charge
   itself, stays within 63 steps; where rounding the charges breaks that, the neuron's scale is doubled.
2. Steps from quantisation-aware training are kept.
3. Other rules: the weights are summed first and rounded after, as a ``dense`` layer's.
4. A rectangle is as strong as the largest sum that it can add, |charge| x area; with other rules a weight is a synapse.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compile.kinds.base import IntegerWeights, Lowering, kept_values, power_of_two_scales, trained_scales
from compile.kinds.dense import quantise_weights
from compile.kinds.drawing import scale_of
from devices.errors import CheckError
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import box_edges
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer
from runtime.report.page import packed


class BoxLowering(Lowering):
    coarse_biases = True
    uncut = "its synapses are all it has. Train it with fewer synapses, or compile without --prune"
    caption = "Every neuron reads the input through rectangles that it learned: they are drawn where they lie, over what the layer reads."

    def quantise(self, layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
        if layer.options["rule"] != "box":
            summed = quantise_weights(layer.with_arrays(weight=kind_of(layer).weights(layer)), coarser, exponent_max)
            return IntegerWeights(summed.layer.with_arrays(drop=("position", "reach", "charge", "channel")), summed.scale, summed.exponent)
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
                return self.quantise(layer, coarser * 1.02, exponent_max)
            exponent = exponent - over
            scale = np.where(over, scale * 2, scale)

    def strengths(self, layer: Layer) -> Array:
        if not kind_of(layer).boxes(layer):
            return super().strengths(layer)
        low, high = (part.astype(np.int64) for part in (layer.arrays["edges"][..., :2], layer.arrays["edges"][..., 2:]))
        return np.asarray(np.abs(layer.arrays["charge"].astype(np.int64)) * (high - low).prod(axis=-1)).ravel()

    def without_weak(self, layer: Layer, least: int) -> Layer:
        return kept_values(layer, "charge" if kind_of(layer).boxes(layer) else "weight", self.strengths(layer) >= least)

    def drawing(self, layer: Layer) -> dict[str, Any]:
        if not kind_of(layer).boxes(layer):
            return super().drawing(layer)
        arrays = layer.arrays
        return {
            "form": "boxes",
            "edges": packed(arrays["edges"]),
            "wide": int(arrays["edges"].dtype.itemsize) > 1,
            "charge": packed(arrays["charge"]),
            "channel": packed(arrays["channel"]) if "channel" in arrays else None,
            "synapses": int(arrays["charge"].shape[1]),
            "scale": packed(scale_of(layer)),
            "area": [int(n) for n in layer.options["grid"]],
            "maps": None,
        }


def _with_charges(layer: Layer, charge: Array) -> Layer:
    area = tuple(int(n) for n in layer.options.get("kernel", layer.options["grid"]))
    edges = box_edges(layer.arrays["position"], layer.arrays["reach"], (area[0], area[1]))
    limited = np.clip(charge, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int8)
    return layer.with_arrays(drop=("position", "reach", "step"), edges=edges, charge=limited)
