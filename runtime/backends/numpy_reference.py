"""``reference``: the law itself, executed by ``runtime.reference`` in numpy on the build's network."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from devices.errors import InputError
from runtime import reference
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.timing import steady_mean, time_calls
from runtime.kinds import kind_of
from runtime.network import Array, InputSpec, Layer, Network

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
        one = reference.check_samples(self.network, sample[None])
        return _times(self.network, one, runs)

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


class ReferenceBackend(Backend):
    name = "reference"

    def missing(self) -> str | None:
        return None

    def open(self, folder: Path, network: Network) -> Session:
        if not network.is_integer:
            raise InputError(f"the network of '{folder}' is of stage '{network.stage}'; a build holds a stored one. Compile the network again.")
        return ReferenceSession(network)


def _decoded(layer: Layer) -> Layer:
    if not kind_of(layer).matrix:
        return layer
    arrays = {name: layer.arrays[name] for name in ("bias", "shift", "weight_scale") if name in layer.arrays}
    return Layer(layer.name, "dense", layer.inputs, layer.outputs, layer.activation, {**arrays, "weight": kind_of(layer).integer_weights(layer)})


def _times(network: Network, one: Array, runs: int) -> Array:
    return time_calls(lambda: reference.scores(network, one), runs)


BACKEND = ReferenceBackend()
