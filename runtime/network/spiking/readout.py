"""Read-outs: from the last layer's membranes and spikes over time to one score a class; the label is the first largest.

``count``: the spikes of a neuron. ``membrane``: the sum (integer networks) or mean (float ones) of its membrane potentials.
``first``: the number of steps less the index of its first spike, 0 if it never spikes.

Early exit (``exit_lead``, integer networks): after step t, counted from 0, an inference ends if the best score leads the second best by more than
exit_lead * (steps - 1 - t), what the steps left could change by exit_lead each; with read-out ``count`` and a lead of 1 no label can change any
more. Read-out ``first`` is decided, and ends, as soon as a neuron of the last layer has spiked.
"""

from __future__ import annotations

import numpy as np

from runtime.network.network import Array
from runtime.network.spiking.constants import Spiking


def running(spikes: Array, membranes: Array, spiking: Spiking) -> Array:
    """(steps, n, classes) scores after every step, from the last layer's spikes and membranes (steps, n, classes); sums for ``membrane``."""
    if spiking.readout == "membrane":
        return membranes.cumsum(0, dtype=np.int64 if membranes.dtype.kind == "i" else membranes.dtype)
    if spiking.readout == "count":
        return spikes.cumsum(0, dtype=np.int64)
    at = np.where(spikes > 0, (spiking.steps - np.arange(len(spikes)))[:, None, None], 0)
    return np.maximum.accumulate(at, axis=0).astype(np.int64)


def executed(scores: Array, spiking: Spiking) -> Array:
    """(n,) int64 number of steps that are run, from the running scores of all (steps, n, classes)."""
    steps, n = scores.shape[:2]
    if spiking.exit_lead is None:
        return np.full(n, steps)
    return np.stack([decided(step_scores, t, spiking) for t, step_scores in enumerate(scores)]).argmax(0) + 1


def decided(scores: Array, t: int, spiking: Spiking) -> Array:
    """(n,) bool: whether an inference of these scores (n, classes) so far ends behind step t, counted from 0."""
    if t + 1 >= spiking.steps:
        return np.ones(len(scores), bool)
    if spiking.exit_lead is None or (spiking.readout != "first" and scores.shape[1] == 1):
        return np.zeros(len(scores), bool)
    if spiking.readout == "first":
        return np.asarray(scores.max(1) > 0)
    best = np.partition(scores, -2, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0] > spiking.exit_lead * (spiking.steps - 1 - t))
