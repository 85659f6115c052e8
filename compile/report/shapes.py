"""How a network's values lie in a picture, and how much of the network a page can hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runtime.network.kinds.field import grid_of
from runtime.network.kinds.replicated import pooled
from runtime.network.network import Network

WEIGHTS_BYTES = 400_000  # a larger matrix is left out of the page


def runnable(network: Network) -> bool:
    """Whether the page holds the whole network, so that it can run it by itself."""
    plain = [layer for k, layer in enumerate(network.layers) if "edges" not in layer.arrays and not in_space(network, k)]
    return all(layer.inputs * layer.outputs <= WEIGHTS_BYTES for layer in plain)


def in_space(network: Network, index: int) -> bool:
    """Whether a layer is drawn in space: a spatial one with none but spatial ones in front of it."""
    return all(layer.kind == "spatial" for layer in network.layers[: index + 1])


def arrangement(network: Network, index: int) -> dict[str, int]:
    """The inputs of a layer as a picture: channels of height x width cells."""
    layer = network.layers[index]
    if "grid" in layer.options:
        height, width = grid_of(layer)
        return {"height": height, "width": width, "channels": int(layer.options["channels"])}
    if index == 0:
        height, width, channels = drawn_shape(network.input.shape)
        return {"height": height, "width": width, "channels": channels}
    before = network.layers[index - 1]
    if before.kind == "replicated":
        rows, columns = pooled(before)
        return {"height": rows, "width": columns, "channels": len(before.arrays["bias"])}
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
