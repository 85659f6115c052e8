"""``dense``: ordinary learned weights, for heads and baselines. out = W x + b. Any layer that is a matrix can be written as one (``as_dense``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runtime.network.kinds.base import ArraySpec, Kind
from runtime.network.network import Array, Layer


class Dense(Kind):
    name = "dense"
    pruning = ("none", "block4")
    float_arrays = {
        "weight": ArraySpec("float32", ("outputs", "inputs"), "output units per input unit"),
        "bias": ArraySpec("float32", ("outputs",), "output units"),
        "step": ArraySpec("float32", ("outputs",), "real weight a step, where training was quantisation-aware", optional=True),
    }
    integer_arrays = {
        "weight": ArraySpec("int8", ("outputs", "inputs"), "weight steps"),
        "bias": ArraySpec("int32", ("outputs",), "accumulator steps"),
        "shift": ArraySpec("uint8", ("outputs",), "bits", optional=True),
        "weight_scale": ArraySpec("float32", ("outputs",), "real weight a step, for reports"),
    }

    def parameters(self, layer: Layer) -> int:
        return int(layer.arrays["weight"].size + layer.arrays["bias"].size)

    def weights(self, layer: Layer) -> Array:
        return layer.arrays["weight"]

    def integer_weights(self, layer: Layer) -> Array:
        return layer.arrays["weight"]


def as_dense(layer: Layer, weight: Array, options: dict[str, Any] | None = None) -> Layer:
    """A layer of any kind that is a matrix, its weights (outputs, inputs) written out. Biases, shifts and scales stay, and no options but ``options``."""
    kept = {name: layer.arrays[name] for name in ("bias", "shift", "weight_scale") if name in layer.arrays}
    return replace(layer, kind=Dense.name, arrays={**kept, "weight": weight}, options=options or {}, store=None)
