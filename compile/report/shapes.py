"""How a network's values lie in a picture, and how much of the network a page can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from compile.kinds.drawing import WEIGHTS_BYTES
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Network


def runnable(network: Network) -> bool:
    """Whether the page holds the whole network, so that it can run it by itself."""
    plain = [layer for k, layer in enumerate(network.layers) if not kind_of(layer).boxes(layer) and not in_space(network, k)]
    return all(layer.inputs * layer.outputs <= WEIGHTS_BYTES for layer in plain)


def in_space(network: Network, index: int) -> bool:
    """Whether a layer is drawn in space: one of positions with none but such in front of it."""
    return all(kind_of(layer).positioned for layer in network.layers[: index + 1])


def arrangement(network: Network, index: int) -> dict[str, int]:
    """The inputs of a layer as a picture: channels of height x width cells."""
    layer = network.layers[index]
    if read := kind_of(layer).input_maps(layer):
        return {"height": read[1], "width": read[2], "channels": read[0]}
    if index == 0:
        height, width, channels = drawn_shape(network.input.shape)
        return {"height": height, "width": width, "channels": channels}
    before = network.layers[index - 1]
    if handed := kind_of(before).output_maps(before):
        return {"height": handed[1], "width": handed[2], "channels": handed[0]}
    width = min(layer.inputs, max(math.ceil(math.sqrt(layer.inputs * 1.6)), 1))
    return {"height": -(-layer.inputs // width), "width": width, "channels": 1}


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


def threshold(ordered: Array, share: float) -> int:
    """The weakest strength that stays when ``share`` of the synapses (sorted ascending) are left out; ties stay."""
    return int(ordered[min(round(share * len(ordered)), len(ordered) - 1)])
