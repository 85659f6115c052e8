"""Samples as the page's scripts read them: bytes in base64, the shape they are drawn in, the names of the classes they speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compile.report.facts import Facts, Sample
from runtime.network import Network
from runtime.report.page import packed
from runtime.report.words import short

TOP_SCORES = 5
ALL_SCORES = 64  # classes, up to which every score is there


def sample_data(network: Network, facts: Facts, classes: Sequence[str]) -> dict[str, Any]:
    """``input``: height, width, channels; ``samples``; ``classes``: names by index, of all classes or of those that occur."""
    height, width, channels = drawn_shape(network.input.shape)
    return {
        "input": {"height": height, "width": width, "channels": channels},
        "samples": [_sample(sample) for sample in facts.samples],
        "mean": None if facts.mean is None else _sample(facts.mean),
        "classes": {str(k): short(classes[k], 40) for k in sorted(_occurring(facts, len(classes)))},
    }


def drawn_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """(height, width, channels) of a sample: (h, w), (c, h, w), or one row of all values."""
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) == 3:
        return shape[1], shape[2], shape[0]
    size = 1
    for n in shape:
        size *= n
    return 1, size, 1


def _sample(sample: Sample) -> dict[str, Any]:
    order = sorted(range(len(sample.scores)), key=lambda k: (-int(sample.scores[k]), k))[:TOP_SCORES]
    found = {
        "index": sample.index,
        "label": sample.label,
        "predicted": sample.predicted,
        "x": packed(sample.values),
        "top": [[k, int(sample.scores[k])] for k in order],
        "active": sample.activity is not None,
    }
    if len(sample.scores) <= ALL_SCORES:
        found["scores"] = [int(score) for score in sample.scores]
    if sample.activity is not None:
        found["activity"] = [packed(part) for part in sample.activity]
    return found


def _occurring(facts: Facts, classes: int) -> set[int]:
    """Every class where there are few, else those of the samples."""
    if classes <= ALL_SCORES:
        return set(range(classes))
    samples = [*facts.samples, *([facts.mean] if facts.mean else [])]
    found = {k for s in samples for k in (s.label, s.predicted) if k >= 0}
    for s in samples:
        found |= set(sorted(range(len(s.scores)), key=lambda k: (-int(s.scores[k]), k))[:TOP_SCORES])
    return found
