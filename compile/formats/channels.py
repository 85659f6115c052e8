"""Grids of several channels in formats that keep a table of sums a channel: how the channels lie in the input, and where their tables start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runtime.network.kinds.boxes import channels_last
from runtime.network.kinds.field import grid_of
from runtime.network.network import Array, Layer


def channels_of(layer: Layer) -> int:
    """How many maps the layer reads."""
    return int(layer.options["channels"])


def starts(layer: Layer, cells: int, empty: Array) -> Array:
    """(neurons, synapses) where the table of the channel that a synapse reads starts, tables of ``cells`` each; 0 for ``empty`` synapses."""
    channel = layer.arrays.get("channel")
    return np.zeros(empty.shape, np.int64) if channel is None else np.where(empty, 0, channel.astype(np.int64) * cells)


def between(layer: Layer) -> int:
    """Inputs from a column to the next."""
    return channels_of(layer) if channels_last(layer) else 1


def places(layer: Layer, alike: Sequence[Layer]) -> tuple[int, ...]:
    """(step, plane, channels): inputs between two columns and between two channels, and how many channels; nothing where all ``alike`` have one."""
    if all(channels_of(other) == 1 for other in alike):
        return ()
    height, width = grid_of(layer)
    return between(layer), 1 if channels_last(layer) else height * width, channels_of(layer)
