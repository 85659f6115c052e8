"""``reference``: the law itself, executed by ``runtime.network.reference`` in numpy on the build's network."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from devices.errors import InputError
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.stepping import Advanced, SpikingSession
from runtime.backends.timing import steady_mean, time_calls
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.kinds.dense import as_dense
from runtime.network.network import Array, InputSpec, Layer, Network
from runtime.network.spiking import integers

PROFILE_RUNS = 10  # of each sample


class ReferenceSession(Session):
    """The network with its weight matrices decoded once, so that an inference is arithmetic only."""

    def __init__(self, network: Network) -> None:
        self.detail = f"numpy {np.__version__}"
        start = time.perf_counter_ns()
        self.network = network.with_layers(tuple(_decoded(layer) for layer in network.layers))
        self.init_ns = time.perf_counter_ns() - start

    def scores(self, samples: Array) -> Array:
        return reference.scores(self.network, samples).astype(np.int32)

    def time_ns(self, sample: Array, runs: int) -> Array:
        row = reference.check_samples(self.network, sample[None])
        return _times(self.network, row, runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        flat = reference.check_samples(self.network, samples)
        inputs = [flat, *reference.trace(self.network, flat)[:-1]]
        figures = []
        for k, (layer, values) in enumerate(zip(self.network.layers, inputs, strict=True)):
            spec = self.network.input if k == 0 else InputSpec((layer.inputs,))
            alone = replace(self.network, layers=(layer,), input=spec)
            mean_ns = [steady_mean(_times(alone, value[None], PROFILE_RUNS)) for value in values]
            figures.append(LayerFigure(layer.name, float(np.mean(mean_ns)) / 1000 if mean_ns else None))
        return figures


class SpikingReferenceSession(SpikingSession):
    """The law of runtime/network/spiking/integers.py, one time step at a time."""

    def __init__(self, network: Network) -> None:
        self.detail = f"numpy {np.__version__}"
        start = time.perf_counter_ns()
        self.of(network)
        self.sums = [kind_of(layer).integer_sums(layer) for layer in network.layers]
        self.spent_ns = [0] * len(network.layers)  # in each layer's part of all steps so far
        self.init_ns = time.perf_counter_ns() - start

    def advance(self, value: Array, begin: bool, current: Array, membranes: tuple[Array, ...]) -> Advanced:
        spec = self.network.input
        spikes: list[Array] = []
        after: list[Array] = []
        for k, (layer, sums, membrane) in enumerate(zip(self.network.layers, self.sums, membranes, strict=True)):
            start = time.perf_counter_ns()
            if k or not self.direct:
                drive = sums(spikes[-1] if k else value, 0) << int(layer.options["lift"])
            else:
                current = integers.steady_currents(layer, sums(spec.seen(value), spec.zero_point)) if begin else current
                drive = current.astype(np.int64)
            decay, threshold = int(layer.options["decay"]), int(layer.options["threshold"])
            moved, fired = integers.lif_step(membrane.astype(np.int64), drive, decay, threshold, self.spiking.reset)
            after.append(moved)
            spikes.append(fired.astype(np.uint8))
            self.spent_ns[k] += time.perf_counter_ns() - start
        return Advanced(current, tuple(after), tuple(spikes))

    def layers(self, samples: Array) -> list[LayerFigure]:
        """Mean time of a layer in one inference, all its steps together, and what is left for coding and read-out."""
        flat = reference.check_samples(self.network, samples)
        if len(flat) == 0:
            return []
        self.time_ns(flat[0], PROFILE_RUNS)  # warm-up
        self.spent_ns = [0] * len(self.widths)
        whole = float(np.mean([self.time_ns(sample, PROFILE_RUNS).mean() for sample in flat]))
        means_ns = [spent / len(flat) / PROFILE_RUNS for spent in self.spent_ns]
        figures = [LayerFigure(layer.name, ns / 1000) for layer, ns in zip(self.network.layers, means_ns, strict=True)]
        return [*figures, LayerFigure("loop", max(0.0, whole - sum(means_ns)) / 1000, note="coding, read-out, the loop over the steps")]


class ReferenceBackend(Backend):
    name = "reference"

    def missing(self) -> str | None:
        return None

    def open(self, folder: Path, network: Network) -> Session:
        if not network.is_integer:
            raise InputError(f"the network of '{folder}' is of stage '{network.stage}'; a build holds a stored one. Compile the network again.")
        return ReferenceSession(network) if network.spiking is None else SpikingReferenceSession(network)


def _decoded(layer: Layer) -> Layer:
    return as_dense(layer, kind_of(layer).integer_weights(layer)) if kind_of(layer).matrix else layer


def _times(network: Network, row: Array, runs: int) -> Array:
    return time_calls(lambda: reference.scores(network, row), runs)


BACKEND = ReferenceBackend()
