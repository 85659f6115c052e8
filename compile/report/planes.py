"""What the page draws and runs has its channels one behind the other: a build's network and samples, turned round where their channels come last."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compile.report.facts import Facts, Sample
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer, Network

BY_INPUT = ("sender", "sign", "inhibition")  # arrays with an entry an input, of layers of positions
COLOURS = 4  # channels of a picture, at most


def turned(network: Network, facts: Facts) -> tuple[Network, Facts]:
    """The network and the facts with channels first; as they are where they have one channel or have them first already."""
    first, *others = network.layers
    grid = _channels_last(network)
    if grid is None:
        return network, facts
    height, width, channels = grid
    order = np.arange(network.input.size).reshape(height, width, channels).transpose(2, 0, 1).ravel()
    layer = replace(_with_columns(first, order), options={name: value for name, value in first.options.items() if name != "order"})
    spec = replace(network.input, shape=(channels, height, width))
    return replace(network, layers=(layer, *others), input=spec), replace(
        facts, samples=tuple(_turned(sample, order) for sample in facts.samples), means=tuple(_turned(sample, order) for sample in facts.means)
    )


def _channels_last(network: Network) -> tuple[int, int, int] | None:
    """(height, width, channels) of the input, if its channels come last."""
    first, shape = network.layers[0], network.input.shape
    maps = kind_of(first).input_maps(first)
    if maps is not None:
        return (maps[1], maps[2], maps[0]) if first.options.get("order") == "last" and maps[0] > 1 else None
    if len(shape) == 3 and 1 < shape[-1] <= COLOURS:
        return shape[0], shape[1], shape[2]
    return None


def _with_columns(layer: Layer, order: Array) -> Layer:
    """The layer reading its inputs in another order; what it has an entry an input of follows."""
    if "weight" in layer.arrays:
        return layer.with_arrays(weight=np.ascontiguousarray(layer.arrays["weight"][:, order]))
    arrays = {name: value[order] if name in BY_INPUT else value for name, value in layer.arrays.items()}
    return replace(layer, arrays=arrays)


def _turned(sample: Sample, order: Array) -> Sample:
    if math.prod(sample.values.shape) != len(order):
        return sample
    return replace(sample, values=sample.values.reshape(-1)[order])
