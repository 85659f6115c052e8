"""What the map draws of one stored layer, by form: compile/report/mapping.py says what each form holds. Arrays are bytes in base64."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer
from runtime.report.page import packed

WEIGHTS_BYTES = 400_000  # a larger matrix is left out of the page
WEIGHTS_CAPTION = "The weights of every neuron are drawn over what it reads."


def weights_drawing(layer: Layer) -> dict[str, Any]:
    """Form ``weights``: a matrix, drawn in the arrangement that the layer's inputs have."""
    weight = kind_of(layer).integer_weights(layer)
    return {"form": "weights", "weight": packed(weight) if weight.size <= WEIGHTS_BYTES else None, "scale": packed(scale_of(layer))}


def scale_of(layer: Layer) -> Array:
    """(rows,) real weight a step."""
    return np.asarray(layer.arrays["weight_scale"], np.float32)


def weight_strengths(layer: Layer) -> Array:
    """(rows * inputs,) int64 |weight| of an integer layer, row by row."""
    return np.asarray(np.abs(kind_of(layer).integer_weights(layer).astype(np.int64)).ravel())


def weight_fan_out(layer: Layer, senders: int) -> list[int]:
    """Weights that are not 0, by what they read: inputs in ``senders`` equal runs."""
    counts = np.count_nonzero(kind_of(layer).integer_weights(layer), axis=0)
    return [int(n) for n in counts.reshape(senders, -1).sum(axis=1)]
