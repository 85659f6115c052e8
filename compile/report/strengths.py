"""How strong every synapse of an integer layer is, and the layer without its weakest ones: what the report's prune slider shows.

Rules:
1. ``dense``: |weight|. A connection is a synapse.
2. ``spatial``: the shorter, the stronger; every pair of neurons is a synapse.
3. ``field`` and ``replicated`` with rule ``box``: |charge| x area, the largest sum that the rectangle can add. Other rules: |weight|.
"""

from __future__ import annotations

import numpy as np

from runtime.network.kinds.spatial import Spatial
from runtime.network.network import Array, Layer


def strengths(layer: Layer) -> Array:
    """(synapses,) int64, larger is stronger: (outputs * inputs,) or (neurons * synapses,), row by row."""
    if layer.kind == "spatial":
        return -np.asarray(Spatial().squared_distances(layer), np.int64).ravel()
    if "edges" in layer.arrays:
        low, high = (part.astype(np.int64) for part in (layer.arrays["edges"][..., :2], layer.arrays["edges"][..., 2:]))
        return np.asarray(np.abs(layer.arrays["charge"].astype(np.int64)) * (high - low).prod(axis=-1)).ravel()
    return np.abs(layer.arrays["weight"].astype(np.int64)).ravel()


def threshold(ordered: Array, share: float) -> int:
    """The weakest strength that stays when ``share`` of the synapses (sorted ascending) are left out; ties stay."""
    return int(ordered[min(round(share * len(ordered)), len(ordered) - 1)])


def without_weak(layer: Layer, least: int) -> Layer:
    """The layer with only the synapses of at least that strength."""
    kept = strengths(layer) >= least
    if layer.kind == "spatial":
        cutoff = layer.options["cutoff2"]
        return layer.with_options(cutoff2=-least if cutoff is None else min(-least, int(cutoff)))
    name = "charge" if "edges" in layer.arrays else "weight"
    values = layer.arrays[name]
    return layer.with_arrays((), **{name: np.where(kept.reshape(values.shape), values, np.int8(0)).astype(np.int8)})
