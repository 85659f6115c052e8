"""What ``field`` and ``replicated`` share: synapses with a position, a reach and a charge over a grid of cells.

    w(cell) = sum_k charge_k * rule(|cell - position_k| / reach_k)                                           (per channel)

Cells are unit squares; cell (y, x) covers [y, y+1) x [x, x+1), its centre is (y + 1/2, x + 1/2). A signal is a grid of one row.
Rules, with u the Euclidean distance over the reach: ``inverse`` 1/sqrt(1 + u**2), ``inverse_square`` 1/(1 + u**2), ``gaussian``
exp(-u**2 / 2). ``box`` has one reach an axis and is 1 where every axis is inside, by integer edges

    low = round(position - reach), high = round(position + reach), both held within the grid; a cell i is inside if low <= i < high.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from devices.errors import unknown_name
from runtime.network.kinds.base import Kind, Maps
from runtime.network.network import Array, Layer

RULES = ("inverse", "inverse_square", "gaussian", "box")
ORDERS = ("first", "last")
SYNAPSES_MAX = 255  # of a neuron
PART = 2**21  # values that are in memory at a time while boxes become weights


class SynapseKind(Kind):
    """A kind whose neurons have synapses over the grid that its options ``grid`` and ``channels`` give."""

    synapses = True

    def parameters(self, layer: Layer) -> int:
        return int(sum(layer.arrays[name].size for name in ("position", "reach", "charge", "bias")))

    def boxes(self, layer: Layer) -> bool:
        return "edges" in layer.arrays

    def input_maps(self, layer: Layer) -> Maps:
        height, width = layer.options["grid"]
        return int(layer.options["channels"]), int(height), int(width)


def channels_last(layer: Layer) -> bool:
    """Whether the channels of a cell lie beside each other in what the layer reads."""
    return layer.options.get("order") == "last" and int(layer.options["channels"]) > 1


def in_order(weights: Array, layer: Layer) -> Array:
    """(n, inputs) of (n, channels * height * width): the weights in the order in which the layer's inputs lie."""
    if not channels_last(layer):
        return weights
    height, width = layer.options["grid"]
    maps = weights.reshape(len(weights), int(layer.options["channels"]), int(height), int(width))
    return np.ascontiguousarray(maps.transpose(0, 2, 3, 1)).reshape(len(weights), -1)


def by_channel(values: Array, layer: Layer) -> Array:
    """(n, channels, height, width) of (n, inputs): the maps that the layer reads."""
    (height, width), channels = layer.options["grid"], int(layer.options["channels"])
    if channels_last(layer):
        return values.reshape(len(values), int(height), int(width), channels).transpose(0, 3, 1, 2)
    return values.reshape(len(values), channels, int(height), int(width))


def box_edges(position: Array, reach: Array, grid: tuple[int, int]) -> Array:
    """(n, synapses, 4) uint8, or uint16 beyond 255 cells, [low y, low x, high y, high x] of float32 (n, synapses, 2) positions and reaches in cells."""
    size = np.array(grid, np.float32)
    low = np.clip(np.rint(position - reach), 0, size)
    high = np.maximum(np.clip(np.rint(position + reach), 0, size), low)
    return np.concatenate([low, high], axis=2).astype(np.uint8 if max(grid) <= 255 else np.uint16)


def inside(edges: Array, grid: tuple[int, int]) -> Array:
    """(n, synapses, height, width) bool: the cells within each box."""
    y, x = np.arange(grid[0]), np.arange(grid[1])
    rows = (y >= edges[..., 0, None]) & (y < edges[..., 2, None])
    columns = (x >= edges[..., 1, None]) & (x < edges[..., 3, None])
    return rows[..., :, None] & columns[..., None, :]


def profile(rule: str, position: Array, reach: Array, grid: tuple[int, int]) -> Array:
    """(n, synapses, height, width) float32: the rule at every cell."""
    if rule == "box":
        return inside(box_edges(position, reach, grid), grid).astype(np.float32)
    dy = np.arange(grid[0], dtype=np.float32) + np.float32(0.5) - position[..., 0, None]
    dx = np.arange(grid[1], dtype=np.float32) + np.float32(0.5) - position[..., 1, None]
    u2 = (dy[..., :, None] ** 2 + dx[..., None, :] ** 2) / reach[..., 0, None, None] ** 2
    if rule == "inverse":
        return np.asarray(1 / np.sqrt(1 + u2), np.float32)
    if rule == "inverse_square":
        return np.asarray(1 / (1 + u2), np.float32)
    if rule == "gaussian":
        return np.asarray(np.exp(-u2 / 2), np.float32)
    raise unknown_name("wiring rule", rule, RULES)


def spread(charge: Array, channel: Array | None, channels: int, profiles: Array) -> Array:
    """(n, channels, height, width): charges times profiles, summed over the synapses into the channel each reads.

    Integer charges with bool profiles give int64, exactly.
    """
    kind = np.int64 if charge.dtype.kind == "i" else np.float32
    weighted = charge.astype(kind)[..., None, None] * profiles.astype(kind)
    if channel is None:
        return weighted.sum(axis=1, keepdims=True)
    out = np.zeros((len(charge), channels, *profiles.shape[2:]), kind)
    np.add.at(out, (np.arange(len(charge))[:, None], channel), weighted)
    return out


def summed(charge: Array, channel: Array | None, channels: int, edges: Array, grid: tuple[int, int]) -> Array:
    """(n, channels, height, width) int32: the exact sums of the int8 charges of the boxes over every cell.

    A box is four changes at its corners, and running sums over both axes make boxes of them: memory and time do not grow with the synapses.
    """
    n, synapses = charge.shape
    changes = np.zeros((n, channels, grid[0] + 1, grid[1] + 1), np.int32)
    row = np.arange(n)[:, None]
    read = np.zeros((n, synapses), np.intp) if channel is None else channel.astype(np.intp)
    low_y, low_x, high_y, high_x = (edges[..., k].astype(np.intp) for k in range(4))
    value = charge.astype(np.int32)
    for y, x, sign in ((low_y, low_x, 1), (low_y, high_x, -1), (high_y, low_x, -1), (high_y, high_x, 1)):
        np.add.at(changes, (row, read, y, x), sign * value)
    np.cumsum(changes, axis=2, out=changes)
    np.cumsum(changes, axis=3, out=changes)
    return changes[:, :, :-1, :-1]


def float_weights(rule: str, arrays: Mapping[str, Array], channels: int, grid: tuple[int, int]) -> Array:
    """(n, channels * height * width) float32: the weights of n neurons, some neurons at a time."""
    position, reach, charge, channel = arrays["position"], arrays["reach"], arrays["charge"], arrays.get("channel")
    count = max(1, PART // (charge.shape[1] * grid[0] * grid[1]))
    matrix = np.empty((len(charge), channels * grid[0] * grid[1]), np.float32)
    for at in range(0, len(charge), count):
        part = slice(at, at + count)
        profiles = profile(rule, position[part], reach[part], grid)
        weights = spread(charge[part], None if channel is None else channel[part], channels, profiles)
        matrix[part] = weights.reshape(len(weights), -1)
    return matrix


def integer_tiles(arrays: Mapping[str, Array], channels: int, grid: tuple[int, int]) -> Iterator[Array]:
    """(some, channels * height * width) int32: the exact weights of the neurons in order, some at a time."""
    charge, channel, edges = arrays["charge"], arrays.get("channel"), arrays["edges"]
    count = max(1, PART // (channels * (grid[0] + 1) * (grid[1] + 1)))
    for at in range(0, len(charge), count):
        part = slice(at, at + count)
        total = summed(charge[part], None if channel is None else channel[part], channels, edges[part], grid)
        yield total.reshape(len(total), -1)
