"""Samples as the page's scripts read them: bytes in base64, the shape they are drawn in, the names of the classes they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compile.report.facts import Facts, Sample
from compile.report.shapes import drawn_shape, runnable
from runtime.network.network import Network
from runtime.report.page import packed
from runtime.report.words import short

TOP_SCORES = 5
CHECKED = 5  # samples whose activity the page holds, to check that it computes the same
ALL_SCORES = 64  # classes, up to which every score is there


def sample_data(network: Network, facts: Facts, classes: Sequence[str]) -> dict[str, Any]:
    """``input``: height, width, channels; ``samples``; ``classes``: names by index, of all classes or of those that occur."""
    height, width, channels = drawn_shape(network.input.shape)
    return {
        "input": {"height": height, "width": width, "channels": channels},
        "samples": [_sample(sample, not runnable(network) or k < CHECKED) for k, sample in enumerate(facts.samples)],
        "means": [_sample(sample, True) for sample in facts.means],
        "classes": {str(k): short(classes[k], 40) for k in sorted(_occurring(facts, len(classes)))},
    }


def _sample(sample: Sample, active: bool) -> dict[str, Any]:
    """``active``: with the activity of the hidden layers, or all spikes, where the facts have them; the page computes the others itself.

    Spikes are bits, step by step, neuron by neuron, the first in the highest bit of a byte.
    """
    order = _best(sample)
    record = {
        "index": sample.index,
        "label": sample.label,
        "predicted": sample.predicted,
        "x": packed(sample.values),
        "top": [[k, int(sample.scores[k])] for k in order],
    }
    if len(sample.scores) <= ALL_SCORES:
        record["scores"] = [int(score) for score in sample.scores]
    if active and sample.activity is not None:
        record["activity"] = [packed(part) for part in sample.activity]
    if active and sample.spikes is not None:
        record["spikes"] = [packed(np.packbits(part)) for part in sample.spikes.spikes]
        record["membranes"] = packed(sample.spikes.membranes)
        record["executed"] = sample.spikes.executed
    return record


def _best(sample: Sample) -> list[int]:
    """The classes of the largest scores, the first of equal ones first."""
    order: list[int] = np.argsort(-sample.scores.astype(np.int64), kind="stable")[:TOP_SCORES].tolist()
    return order


def _occurring(facts: Facts, classes: int) -> set[int]:
    """Every class where there are few, else those of the samples."""
    if classes <= ALL_SCORES:
        return set(range(classes))
    samples = [*facts.samples, *facts.means]
    labels = {k for s in samples for k in (s.label, s.predicted) if k >= 0}
    for s in samples:
        labels |= set(_best(s))
    return labels
