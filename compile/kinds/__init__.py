"""Integer weights, kind by kind. A new layer kind adds its quantiser here."""

from __future__ import annotations

from compile.kinds.base import IntegerWeights, Quantiser
from compile.kinds.boxes import quantise_boxes
from compile.kinds.dense import quantise_dense
from compile.kinds.spatial import integer_positions, quantise_spatial

QUANTISERS: dict[str, Quantiser] = {
    "dense": quantise_dense,
    "spatial": quantise_spatial,
    "field": quantise_boxes,
    "replicated": quantise_boxes,
}

__all__ = ["QUANTISERS", "IntegerWeights", "Quantiser", "integer_positions"]
