"""Joint rounding: which way each entry of a distance table rounds is decided for the whole table, over calibration samples.

All connections of one distance share an entry, so rounding every entry to its nearest integer leaves errors that add up instead of
averaging out. Rules:

1. With A (samples, codes) the signed inputs that meet each code and t the table, a neuron's sum is A t. Means go to the bias, so A and
   the float layer's sums are centred; behind a relu only samples above zero count.
2. Entries move by whole steps, one at a time, the most useful first, while that lowers sum ||target - A t||**2 over all neurons.
   It starts from the nearest integers, so it never ends worse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compile.kinds.base import IntegerWeights
from runtime.network.kinds.spatial import Spatial
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer

SAMPLES = 300  # calibration samples: each is one equation a neuron, so these are plenty for a table of 256
SWEEPS = 50


@dataclass(frozen=True)
class Moments:
    """What the squared error of a layer's sums needs, summed over its neurons."""

    gram: Array  # (codes, codes) A'A
    moment: Array  # (codes,) A' target, target in real output units


def table_moments(layer: Layer, values: Array, zero_point: int, target: Array, hidden: bool) -> Moments:
    """``layer`` with its codes, integer inputs ``values`` (n, inputs) and the float layer's outputs ``target`` (n, outputs)."""
    x = (values[:SAMPLES].astype(np.float32) - zero_point) * layer.arrays["sign"].astype(np.float32)
    target = target[: len(x)].astype(np.float64)
    codes = len(layer.arrays["table"])
    kind = Spatial()
    index, kept = kind.table_index(layer), kind.kept(layer)
    gram, moment = np.zeros((codes, codes)), np.zeros(codes)
    for row, used, sums in zip(index, kept, target.T, strict=True):
        alive = sums > 0 if hidden else np.ones(len(sums), bool)
        if not alive.any() or not used.any():
            continue
        where = np.flatnonzero(used)
        order = where[np.argsort(row[where], kind="stable")]
        present, first = np.unique(row[order], return_index=True)
        met = np.add.reduceat(x[alive][:, order], first, axis=1)
        met -= met.mean(axis=0)
        gram[np.ix_(present, present)] += met.T @ met
        moment[present] += met.T @ (sums[alive] - sums[alive].mean())
    return Moments(gram, moment)


def round_jointly(weights: IntegerWeights, moments: Moments, input_scale: float) -> IntegerWeights:
    """The same layer with the entries of its table moved by rule 2; ``input_scale``: real units a step of the input."""
    table = weights.layer.arrays["table"].astype(np.float64)
    slope = moments.moment / (input_scale * float(weights.scale[0])) - moments.gram @ table
    size = np.diag(moments.gram)
    useful = size > 0
    for _ in range(SWEEPS):
        moved = False
        gain = np.where(useful, np.abs(slope) / np.sqrt(np.where(useful, size, 1.0)), 0.0)
        for k in np.argsort(-gain, kind="stable"):
            if not useful[k]:
                continue
            step = np.clip(table[k] + np.rint(slope[k] / size[k]), 0, WEIGHT_MAX) - table[k]
            if step:
                table[k] += step
                slope -= moments.gram[:, k] * step
                moved = True
        if not moved:
            break
    return replace(weights, layer=weights.layer.with_arrays(table=table.astype(np.int8)))
