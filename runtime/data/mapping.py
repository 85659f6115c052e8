"""From a data set's values to the network's bytes: which maps a data set needs, chosen from its training and validation parts.

Bytes stay as they are: whole numbers within 0..255 that reach beyond 127. All else gets one map for all values, one a channel, or one a feature:

    images (height, width) and (height, width, channels)    one; their 0 stays byte 0 where nothing is below it
    signals (time, channels), channels last                 one a channel: at most 16 channels, and more samples of time than channels
    signals (time,)                                          one: neighbours move together, at one size
    tables (features,)                                       one a feature

The range of a map is the mean plus and minus three deviations, or the quantiles 0.5 and 99.5 % widened by a tenth, both within what occurs: whichever
lets ridge regression on the bytes name more validation samples. Byte 128 then means 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.network.front import scale
from runtime.network.front.stage import Stage
from runtime.network.front.stages import quantised
from runtime.network.network import Array, InputSpec

BYTES_ABOVE = 127  # whole numbers whose largest is no more are values, not bytes of an image
CHANNELS_MAX = 16  # of a signal: beyond, the second axis is space (bands, pixels)
REAL_MAX = 1e30  # of values, and 1 / it of their range: float32 holds their sums
DEVIATIONS = 3.0
QUANTILES, WIDER = (0.005, 0.995), 0.1
MIDDLE = 128  # the byte that means 0 behind a map
TOGETHER, ALIKE = 0.5, 2.0  # of a signal: correlation of neighbours at least, and ratio of their deviations at most (medians)
RIDGE_SAMPLES, RIDGE_FEATURES, RIDGE = 4000, 512, 1.0
SATURATED = 0.01  # share of a channel's training values outside its range that is worth a warning


@dataclass(frozen=True)
class Mapping:
    """How a data set's values become bytes, and what a person should know about it."""

    spec: InputSpec
    front: tuple[Stage, ...]
    notes: tuple[str, ...] = ()

    def bytes_of(self, raw: Array, where: str) -> Array:
        """(n, size) bytes of (n, size) raw values."""
        return quantised(self.front, self.spec, raw, where)


def choose(shape: tuple[int, ...], train: Array, validation: Array, labels: tuple[Array, Array], others: Sequence[Array], where: str) -> Mapping:
    """The maps for raw (n, size) ``train`` and ``validation`` with their ``labels``; ``others``: further raw parts, of which only the type's range counts."""
    parts = [part for part in (train, validation, *others) if len(part)]
    if all(part.dtype.kind in "iu" for part in parts):
        low, high = min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)
        if low >= 0 and BYTES_ABOVE < high <= 255:
            return Mapping(InputSpec(shape), ())
    largest = max(float(np.abs(part.astype(np.float64)).max()) for part in parts)
    if largest > REAL_MAX:
        raise InputError(f"{where}: x holds values up to {largest:g}; allowed: up to {REAL_MAX:g}. Scale it.")
    dtype = _dtype(parts)
    values = train.astype(np.float64)
    maps = maps_of(shape, values)
    columns = values.reshape(-1, maps)
    constant = columns.max(axis=0) == columns.min(axis=0)
    if constant.all():
        raise InputError(f"{where}: every x of the training split is {columns.flat[0]:g}. There is nothing to learn from.")
    if maps == 1 and columns.min() >= 0 and (len(shape) > 1 or columns.min() == 0):
        top = float(columns.max())
        return Mapping(InputSpec(shape), (scale.make(np.zeros(1), np.array([top]), dtype),))
    spec = InputSpec(shape, 2 / 255, MIDDLE)
    candidates = [Mapping(spec, (scale.make(*_within(ends, columns), dtype),)) for ends in (_deviations(columns), _quantiles(columns))]
    scores = [_ridge_accuracy(candidate, train, validation, labels, where) for candidate in candidates]
    chosen = candidates[int(np.argmax(scores))]
    return Mapping(spec, chosen.front, _notes(chosen, columns, constant, maps))


def maps_of(shape: tuple[int, ...], values: Array) -> int:
    """How many maps samples of a shape need; value i has map i mod that many. ``values``: float (n, size) of the training part."""
    if len(shape) == 1:
        return 1 if shape[0] < 2 or is_signal(values) else shape[0]
    if len(shape) == 2:
        return shape[1] if shape[1] <= CHANNELS_MAX and shape[0] >= 2 * shape[1] else 1
    return 1


def is_signal(values: Array) -> bool:
    """Whether the columns of (n, size) are samples of one quantity over time: all spread alike around one mean, or neighbours move together."""
    deviation, middle = values.std(axis=0), values.mean(axis=0)
    if deviation.max() <= ALIKE * deviation.min() and np.ptp(middle) <= deviation.mean():
        return True
    both = np.minimum(deviation[1:], deviation[:-1]) > 0
    if not both.any():
        return False
    centred = values - values.mean(axis=0)
    together = (centred[:, 1:] * centred[:, :-1]).mean(axis=0)[both] / (deviation[1:] * deviation[:-1])[both]
    ratio = np.maximum(deviation[1:], deviation[:-1])[both] / np.minimum(deviation[1:], deviation[:-1])[both]
    return float(np.median(together)) >= TOGETHER and float(np.median(ratio)) <= ALIKE


def _dtype(parts: Sequence[Array]) -> str:
    """The narrowest type of raw values that holds all of them; float32 for real values."""
    if any(part.dtype.kind not in "iub" for part in parts):
        return "float32"
    low, high = min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)
    holding = (name for name in scale.DTYPES if name != "float32" and np.iinfo(name).min <= low and high <= np.iinfo(name).max)
    return next(holding, "float32")


def _deviations(columns: Array) -> tuple[Array, Array]:
    mean, spread = columns.mean(axis=0), DEVIATIONS * columns.std(axis=0)
    return mean - spread, mean + spread


def _quantiles(columns: Array) -> tuple[Array, Array]:
    low, high = np.quantile(columns, QUANTILES, axis=0)
    more = WIDER / 2 * (high - low)
    return low - more, high + more


def _within(ends: tuple[Array, Array], columns: Array) -> tuple[Array, Array]:
    """The range, cut to what occurs; all of what occurs where the range is empty (rare values)."""
    least, most = columns.min(axis=0), columns.max(axis=0)
    low, high = np.maximum(ends[0], least), np.minimum(ends[1], most)
    empty = high <= low
    return np.where(empty, least, low), np.where(empty, most, high)


def _ridge_accuracy(mapping: Mapping, train: Array, validation: Array, labels: tuple[Array, Array], where: str) -> float:
    """Share of validation samples that linear regression on one-hot labels names right, from the bytes."""
    known, asked = train[:RIDGE_SAMPLES], validation[:RIDGE_SAMPLES]
    if not len(asked):
        return 0.0
    group = math.ceil(known.shape[1] / RIDGE_FEATURES)

    def features(raw: Array) -> Array:
        u = mapping.bytes_of(raw, where).astype(np.float64) / MIDDLE - 1
        room = -(-u.shape[1] // group) * group
        u = np.pad(u, ((0, 0), (0, room - u.shape[1]))).reshape(len(u), -1, group).mean(axis=2)
        return np.concatenate([u, np.ones((len(u), 1))], axis=1)

    a, classes = features(known), int(max(labels[0].max(), labels[1].max(initial=0))) + 1
    weights = np.linalg.solve(a.T @ a + RIDGE * np.eye(a.shape[1]), a.T @ np.eye(classes)[labels[0][: len(known)]])
    return float(((features(asked) @ weights).argmax(axis=1) == labels[1][: len(asked)]).mean())


def _notes(mapping: Mapping, columns: Array, constant: Array, maps: int) -> tuple[str, ...]:
    """What to tell: constant channels, and those of which too much is out of range."""
    word = "channel" if maps <= CHANNELS_MAX else "feature"
    notes = []
    if constant.any():
        which = ", ".join(map(str, np.flatnonzero(constant)[:8])) + (", ..." if constant.sum() > 8 else "")
        notes.append(f"{int(constant.sum())} of {maps} {word}s never change in the training samples and tell nothing: {which}")
    u = quantised(mapping.front, InputSpec((maps,)), columns, "the training samples")
    out = ((u == 0) | (u == 255)).mean(axis=0) - ((columns == columns.min(axis=0)) | (columns == columns.max(axis=0))).mean(axis=0)
    if (out > SATURATED).any():
        worst = int(out.argmax())
        notes.append(f"{word} {worst}: {100 * out[worst]:.1f} % of the training values lie outside the range that bytes hold; they saturate")
    return tuple(notes)
