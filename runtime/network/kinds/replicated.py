"""``replicated``: prototypes of box synapses repeated at every position of a grid, then pooled: a convolution whose cost does not
depend on its kernel size.

    sum_p(y, x) = sum over the kernel of w_p(dy, dx, channel) * input(y * stride + dy - padding, x * stride + dx - padding, channel) + bias_p
    out_p(Y, X) = activation of the max of sum_p over the pool's window that starts at (Y * pool, X * pool)     pooling 'max'
                  mean of the activations of sum_p over that window                                             pooling 'average'

w_p as in runtime/network/kinds/boxes.py on a grid of the kernel's size. Cells outside the input are 0.0 (zero padding). Windows at the lower
and right border may be smaller than the pool: the largest is that of the positions there are, in a mean the missing ones count as 0.0.
Sizes are pairs (vertical, horizontal); outputs are flattened prototype by prototype.

The mean of bytes is (their sum + N / 2) >> log2 N for the N positions of a whole window. Both sides of it are therefore powers of two: then
it is a sum requantised by the law of runtime/network/law.py, with weights of 1, which every backend computes exactly (compile/emit/common/numbers.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from devices.errors import InputError
from runtime.network.kinds.base import ArraySpec, Maps, kept_with_layer
from runtime.network.kinds.boxes import SynapseKind, by_channel, channels_last, float_weights
from runtime.network.kinds.convolution import Convolution
from runtime.network.kinds.field import CELLS, GRID_OPTIONS, charges_bound, check_grid, check_synapses, grid_of, held_tiles
from runtime.network.kinds.options import OptionSpec
from runtime.network.law import WEIGHT_MAX, exact_float
from runtime.network.network import Array, Layer
from runtime.network.schema import Several, Whole, Word

GEOMETRY = ("kernel", "stride", "padding", "pool")
POOLINGS = ("max", "average")
MEAN_SIDES = (1, 2, 4, 8, 16)  # of the window of a mean
PATCHES = 2**19  # values that all kernels of some samples see: 2 MiB, which a cache holds; bounds the memory, changes no result
OPTIONS = {
    **GRID_OPTIONS,
    "rule": OptionSpec(Word(("box",), "wiring rule of replicated layers"), "how a weight decreases with the distance"),
    "kernel": OptionSpec(CELLS, "(height, width) in cells"),
    "stride": OptionSpec(CELLS, "cells from one position to the next"),
    "padding": OptionSpec(Several(Whole(0, 255), 2, 2), "cells of 0.0 on each side"),
    "pool": OptionSpec(CELLS, "positions that become one value"),
    "pooling": OptionSpec(Word(POOLINGS, "pooling"), "which value that is; 'max' where absent", optional=True),
}


def geometry(layer: Layer) -> dict[str, tuple[int, int]]:
    """The four pairs of sizes by name."""
    return {name: (int(layer.options[name][0]), int(layer.options[name][1])) for name in GEOMETRY}


def positions(layer: Layer) -> tuple[int, int]:
    """(rows, columns) at which the prototypes are evaluated, before pooling."""
    grid, g = grid_of(layer), geometry(layer)
    rows, columns = ((grid[k] + 2 * g["padding"][k] - g["kernel"][k]) // g["stride"][k] + 1 for k in (0, 1))
    return rows, columns


def pooled(layer: Layer) -> tuple[int, int]:
    """(rows, columns) of each prototype's output map."""
    grid, pool = positions(layer), geometry(layer)["pool"]
    return -(-grid[0] // pool[0]), -(-grid[1] // pool[1])


def mean_shift(layer: Layer) -> int:
    """log2 of the number of positions that a mean is taken over; 0 where there is no mean: the largest is kept, or the pool is 1 x 1."""
    sides = geometry(layer)["pool"]
    return (sides[0] * sides[1]).bit_length() - 1 if layer.options.get("pooling") == "average" else 0


class Replicated(SynapseKind):
    name = "replicated"
    matrix = False
    spikes = False
    rules = ("box",)
    float_arrays = {
        "position": ArraySpec("float32", ("prototypes", "synapses", "axes"), "cells of the kernel (y, x)"),
        "reach": ArraySpec("float32", ("prototypes", "synapses", "reaches"), "cells per axis (y, x)"),
        "charge": ArraySpec("float32", ("prototypes", "synapses"), "output units per input unit"),
        "channel": ArraySpec("uint8", ("prototypes", "synapses"), "index of the map it reads", optional=True),
        "bias": ArraySpec("float32", ("prototypes",), "output units"),
        "step": ArraySpec("float32", ("prototypes",), "real charge a step, where training was quantisation-aware", optional=True),
    }
    integer_arrays = {
        "edges": ArraySpec("uint8", ("prototypes", "synapses", "sides"), "kernel cells: low y, low x, high y, high x"),
        "charge": ArraySpec("int8", ("prototypes", "synapses"), "weight steps"),
        "channel": ArraySpec("uint8", ("prototypes", "synapses"), "index of the map it reads", optional=True),
        "bias": ArraySpec("int32", ("prototypes",), "accumulator steps"),
        "shift": ArraySpec("uint8", ("prototypes",), "bits", optional=True),
        "weight_scale": ArraySpec("float32", ("prototypes",), "real weight a step, for reports"),
    }

    float_options = OPTIONS
    integer_options = OPTIONS

    def check_geometry(self, layer: Layer, integer: bool, where: str) -> None:
        check_grid(layer, where)
        g, grid = geometry(layer), grid_of(layer)
        if any(g["kernel"][k] > grid[k] + 2 * g["padding"][k] or g["padding"][k] >= g["kernel"][k] for k in (0, 1)):
            raise InputError(f"{where}: a kernel of {g['kernel']} with padding {g['padding']} does not fit a grid of {grid} cells.")
        if layer.options.get("pooling") == "average" and not set(g["pool"]) <= set(MEAN_SIDES):
            raise InputError(f"{where}: a mean over {g['pool'][0]} x {g['pool'][1]} positions; allowed sides: {', '.join(map(str, MEAN_SIDES))}.")
        rows, columns = pooled(layer)
        if layer.outputs % (rows * columns):
            raise InputError(f"{where}: prototypes on {rows} x {columns} positions cannot make {layer.outputs} outputs.")

    def check_values(self, layer: Layer, integer: bool, where: str) -> None:
        check_synapses(layer, integer, where)

    def sizes(self, layer: Layer) -> dict[str, int]:
        rows, columns = pooled(layer)
        return {"inputs": layer.inputs, "outputs": layer.outputs, "prototypes": layer.outputs // (rows * columns)}

    def weight_count(self, layer: Layer) -> int:
        (height, width), channels = geometry(layer)["kernel"], int(layer.options["channels"])
        return self.sizes(layer)["prototypes"] * channels * height * width

    def sample_values(self, layer: Layer) -> int:
        (rows, columns), (height, width) = positions(layer), geometry(layer)["kernel"]
        return rows * columns * max(int(layer.options["channels"]) * height * width, self.sizes(layer)["prototypes"])

    def convolution(self, layer: Layer) -> Convolution:
        return Convolution(
            int(layer.options["channels"]), grid_of(layer), **geometry(layer), mean_shift=mean_shift(layer), channels_last=channels_last(layer)
        )

    def output_maps(self, layer: Layer) -> Maps:
        return len(layer.arrays["bias"]), *pooled(layer)

    def products(self, layer: Layer) -> int:
        rows, columns = positions(layer)
        return self.weight_count(layer) * rows * columns

    def weights(self, layer: Layer) -> Array:
        """(prototypes, channels * kernel height * kernel width)."""
        return float_weights("box", layer.arrays, int(layer.options["channels"]), geometry(layer)["kernel"])

    @kept_with_layer
    def integer_weights(self, layer: Layer) -> Array:
        return np.concatenate([*self.integer_tiles(layer)])

    def largest_weight(self, layer: Layer) -> int:
        bound = charges_bound(layer)
        return bound if bound <= WEIGHT_MAX else super().largest_weight(layer)

    def integer_tiles(self, layer: Layer) -> Iterator[Array]:
        yield from held_tiles(layer, geometry(layer)["kernel"])

    def shifts(self, layer: Layer) -> Array:
        rows, columns = positions(layer) if mean_shift(layer) else pooled(layer)
        return np.repeat(layer.arrays["shift"], rows * columns)

    def pooled(self, layer: Layer, values: Array) -> Array:
        shift = mean_shift(layer)
        if not shift:
            return values
        (ph, pw), (rows, columns) = geometry(layer)["pool"], pooled(layer)
        maps = values.reshape(len(values), len(layer.arrays["bias"]), *positions(layer))
        whole = np.zeros((*maps.shape[:2], rows * ph, columns * pw), np.int64 if values.dtype.kind == "u" else values.dtype)
        whole[:, :, : maps.shape[2], : maps.shape[3]] = maps
        total = whole.reshape(*maps.shape[:2], rows, ph, columns, pw).sum(axis=(3, 5)).reshape(len(values), -1)
        return (total + (1 << (shift - 1)) >> shift).astype(np.uint8) if values.dtype.kind == "u" else total / np.float32(1 << shift)

    def integer_sums(self, layer: Layer) -> Callable[[Array, int], Array]:
        weights = self.integer_weights(layer)
        exact = exact_float(weights)
        matrix, bias = _by_patch(weights.astype(exact), layer), layer.arrays["bias"].astype(np.int64)

        def sums(values: Array, zero_point: int) -> Array:
            products = _products(matrix, values, exact(zero_point), layer).astype(np.int64)  # whole numbers: ``exact`` holds every partial sum
            return products + np.repeat(bias, products.shape[1] // len(bias))

        return sums

    def float_sums(self, layer: Layer) -> Callable[[Array], Array]:
        matrix, bias = _by_patch(self.weights(layer), layer), layer.arrays["bias"]

        def sums(values: Array) -> Array:
            products = _products(matrix, values, np.float32(0), layer)
            return np.asarray(products + np.repeat(bias, products.shape[1] // len(bias)), np.float32)

        return sums


def _by_patch(weights: Array, layer: Layer) -> Array:
    """(kernel cells * channels, prototypes) of (prototypes, channels * kernel cells): rows in the order of ``_patches``."""
    whole = weights.reshape(len(weights), int(layer.options["channels"]), -1)
    return np.ascontiguousarray(whole.transpose(2, 1, 0).reshape(-1, len(weights)))


def _products(matrix: Array, values: Array, zero_point: Any, layer: Layer) -> Array:
    """(n, sums) products of the prototypes with what each position sees of the (n, inputs) values, less their zero point; some samples at a time."""
    at_once = max(1, PATCHES // (math.prod(positions(layer)) * len(matrix)))
    parts = []
    for at in range(0, max(len(values), 1), at_once):
        seen = _patches(values[at : at + at_once].astype(matrix.dtype) - zero_point, layer)
        parts.append(_per_prototype((seen @ matrix).reshape(-1, *positions(layer), matrix.shape[1]), layer))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _patches(values: Array, layer: Layer) -> Array:
    """(n * rows * columns, kernel cells * channels) of (n, inputs): what the kernel sees at each position, the channels of a cell beside each other."""
    grid, g, channels = grid_of(layer), geometry(layer), int(layer.options["channels"])
    (py, px), (sy, sx), (ky, kx) = g["padding"], g["stride"], g["kernel"]
    padded = np.zeros((len(values), grid[0] + 2 * py, grid[1] + 2 * px, channels), values.dtype)
    padded[:, py : py + grid[0], px : px + grid[1]] = by_channel(values, layer).transpose(0, 2, 3, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (ky, kx), (1, 2))[:, ::sy, ::sx]  # type: ignore[call-overload]
    return np.asarray(windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, ky * kx * channels))


def _per_prototype(sums: Array, layer: Layer) -> Array:
    """(n, sums) of (n, rows, columns, prototypes), prototype by prototype: the maximum over each window, or all where means follow."""
    if not mean_shift(layer):
        for axis, pool in zip((1, 2), geometry(layer)["pool"], strict=True):
            sums = _largest(sums, axis, pool)
    return sums.transpose(0, 3, 1, 2).reshape(len(sums), -1)


def _largest(values: Array, axis: int, pool: int) -> Array:
    """The largest of every ``pool`` neighbours along an axis; the last ones may be fewer. ``values`` are written to."""
    along = (slice(None),) * axis
    best = values[(*along, slice(0, None, pool))]
    for k in range(1, pool):
        more = values[(*along, slice(k, None, pool))]
        part = best[(*along, slice(more.shape[axis]))]
        np.maximum(part, more, out=part)
    return best
