"""What a report says beyond the manifest, computed by the integer reference while the build is made.

Test samples give the confusion and the pictures; training samples give the ranges and the mean input; validation samples give the price
of leaving out weak connections. Nothing here chooses anything: the build is finished.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from compile.report.prune_curve import PruneCurve, prune_curve
from compile.report.spikes import NeuronRange, SampleSpikes, neuron_ranges, sample_spikes
from runtime.data.dataset import Dataset, Split
from runtime.network.kinds import kind_of
from runtime.network.law import ACTIVATION_MAX, accumulator_bound
from runtime.network.network import Array, Network
from runtime.network.reference import trace
from runtime.network.spiking.integers import run

RANGE_SAMPLES = 500  # of the training data
BINS = 32  # of a histogram of activations
CELL_SAMPLES = 4  # pictures of each kind of mistake
PICTURE_BYTES = 200_000  # of all pictures together
ACTIVITY_BYTES = 250_000  # of all activities together
ALL = 2**31  # bytes: more than one sample's activity
SHOWN_CLASSES = 20  # whose samples the map offers


@dataclass(frozen=True)
class LayerRange:
    """The activations of a hidden layer on training samples. Real units unless said."""

    layer: str
    step: float  # real units a step of the byte
    largest_float: float  # that the float network reached
    saturated: float  # share at 255
    zero: float  # share at 0
    histogram: tuple[int, ...]  # of the bytes above 0, in BINS bins from 0 to 255
    sum_bound: int  # the largest |sum| that any input can cause, steps; int32 holds 2**31 - 1

    @property
    def high(self) -> float:
        """What the byte 255 stands for."""
        return self.step * ACTIVATION_MAX


@dataclass(frozen=True)
class Sample:
    """A test sample as the build sees it. ``activity``: every hidden layer's bytes; ``spikes`` in their place for a spiking network. None where the
    report has no room for them."""

    index: int  # in the test set
    label: int
    predicted: int
    values: Array  # (size,) uint8
    scores: Array  # (classes,) int64
    activity: tuple[Array, ...] | None
    spikes: SampleSpikes | None = None


@dataclass(frozen=True)
class Facts:
    """All of it."""

    confusion: tuple[tuple[int, int, int], ...]  # (true, predicted, samples), pairs that occur, in order
    ranges: tuple[LayerRange, ...]
    range_samples: int
    samples: tuple[Sample, ...]
    means: tuple[Sample, ...]  # the mean training sample, and of a spiking network that of each class, run through the network; none without samples
    prune: PruneCurve | None
    neurons: tuple[NeuronRange, ...] = ()  # of a spiking network, in place of ``ranges``


def gather(trained: Network, stored: Network, data: Dataset, scores: Array, pictures: bool = True) -> Facts:
    """``scores``: (n, classes) of the stored network on the whole test set. ``pictures``: False leaves every sample's values out."""
    predicted = scores.argmax(axis=1)
    counts = Counter(zip(data.test.y.tolist(), predicted.tolist(), strict=True))
    return Facts(
        confusion=tuple((a, b, n) for (a, b), n in sorted(counts.items())),
        ranges=_ranges(trained, stored, data.train.x[:RANGE_SAMPLES]) if stored.spiking is None else (),
        range_samples=min(RANGE_SAMPLES, len(data.train)),
        samples=_samples(stored, data, predicted) if pictures else (),
        means=_means(stored, data.train) if pictures else (),
        prune=prune_curve(stored, data.validation),
        neurons=neuron_ranges(stored, data.train.x[:RANGE_SAMPLES]) if stored.spiking is not None else (),
    )


def _ranges(trained: Network, stored: Network, samples: Array) -> tuple[LayerRange, ...]:
    floats, integers = trace(trained, samples), trace(stored, samples)
    ranges = []
    spec = stored.input
    zero_point, maximum = spec.zero_point, spec.maximum
    for layer, real, whole in zip(stored.layers, floats, integers, strict=True):
        bound = accumulator_bound(kind_of(layer).integer_weights(layer), layer.arrays["bias"], zero_point, maximum)
        zero_point, maximum = 0, ACTIVATION_MAX
        if layer.activation == "none":
            continue
        histogram = np.histogram(whole[whole > 0], bins=BINS, range=(0, ACTIVATION_MAX + 1))[0]
        ranges.append(
            LayerRange(
                layer=layer.name,
                step=float(layer.options["output_scale"]),
                largest_float=float(real.max(initial=0)),
                saturated=float((whole == ACTIVATION_MAX).mean()),
                zero=float((whole == 0).mean()),
                histogram=tuple(map(int, histogram)),
                sum_bound=bound,
            )
        )
    return tuple(ranges)


def _samples(network: Network, data: Dataset, predicted: Array) -> tuple[Sample, ...]:
    """Those of the map first: two a class and the first mistakes; then a few of every kind of mistake, while there is room."""
    truth, room = data.test.y, max(PICTURE_BYTES // data.spec.size, 1)
    right = truth == predicted
    chosen: list[int] = []
    for label in range(min(len(data.classes), SHOWN_CLASSES)):
        chosen += np.flatnonzero((truth == label) & right)[:2].tolist()
    wrong = np.flatnonzero(~right).tolist()
    chosen += wrong[:10]
    taken: Counter[tuple[int, int]] = Counter((int(truth[k]), int(predicted[k])) for k in chosen)
    for k in wrong[10:]:
        pair = int(truth[k]), int(predicted[k])
        if taken[pair] < CELL_SAMPLES:
            taken[pair] += 1
            chosen.append(k)
    chosen = chosen[:room]
    values = data.test.x[chosen]
    outcomes = _outcomes(network, values, ACTIVITY_BYTES)
    return tuple(Sample(k, int(truth[k]), int(predicted[k]), values[i], *outcomes[i]) for i, k in enumerate(chosen))


def _means(network: Network, train: Split) -> tuple[Sample, ...]:
    """Of all samples, with label -1, and of the samples of every class."""
    labels = [-1]
    if network.spiking is not None and len(network.classes) <= SHOWN_CLASSES:
        labels += [k for k in range(len(network.classes)) if (train.y == k).any()]
    chosen = [train.x if label < 0 else train.x[train.y == label] for label in labels]
    values = np.stack([np.rint(part.mean(axis=0, dtype=np.float64)).astype(np.uint8) for part in chosen])
    outcomes = _outcomes(network, values, ALL)
    return tuple(Sample(-1, label, int(o[0].argmax()), values[i], *o) for i, (label, o) in enumerate(zip(labels, outcomes, strict=True)))


def _outcomes(network: Network, values: Array, room: int) -> list[tuple[Array, tuple[Array, ...] | None, SampleSpikes | None]]:
    """(scores, activity, spikes) of every sample; the last two as long as there is ``room``, bytes."""
    if network.spiking is None:
        layers = trace(network, values)
        active = room // max(sum(layer.outputs for layer in network.layers[:-1]), 1)
        return [(layers[-1][i], tuple(part[i] for part in layers[:-1]) if i < active else None, None) for i in range(len(values))]
    spike_trace = run(network, values)
    kept = sample_spikes(network, spike_trace, room)
    return [(spike_trace.scores[i], None, kept[i] if i < len(kept) else None) for i in range(len(values))]
