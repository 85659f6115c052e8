"""``replicated``: prototypes of box synapses repeated at every position of a grid, then max-pooled: a convolution whose cost does not
depend on its kernel size.

    sum_p(y, x) = sum over the kernel of w_p(dy, dx, channel) * input(y * stride + dy - padding, x * stride + dx - padding, channel) + bias_p
    out_p(Y, X) = max of sum_p over the pool's window that starts at (Y * pool, X * pool)

w_p as in runtime/kinds/boxes.py on a grid of the kernel's size. Cells outside the input are 0.0 (zero padding). Windows at the lower
and right border may be smaller than the pool. Sizes are pairs (vertical, horizontal); outputs are flattened prototype by prototype.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from devices.errors import InputError
from runtime.kinds.base import ArraySpec, Kind
from runtime.kinds.boxes import inside, profile, spread
from runtime.kinds.field import check_grid, check_synapses, grid_of, held
from runtime.network import Array, Layer

GEOMETRY = ("kernel", "stride", "padding", "pool")


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
    found, pool = positions(layer), geometry(layer)["pool"]
    return -(-found[0] // pool[0]), -(-found[1] // pool[1])


class Replicated(Kind):
    name = "replicated"
    matrix = False
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

    def check_options(self, layer: Layer, integer: bool, where: str) -> None:
        check_grid(layer, where)
        for name in GEOMETRY:
            low = 0 if name == "padding" else 1
            pair = layer.options.get(name)
            if pair is None or len(pair) != 2 or not all(low <= int(n) <= 255 for n in pair):
                raise InputError(f"{where}: option '{name}' is {pair}; it must be a pair of sizes of at least {low}.")
        g, grid = geometry(layer), grid_of(layer)
        if any(g["kernel"][k] > grid[k] + 2 * g["padding"][k] or g["padding"][k] >= g["kernel"][k] for k in (0, 1)):
            raise InputError(f"{where}: a kernel of {g['kernel']} with padding {g['padding']} does not fit a grid of {grid} cells.")
        if layer.options["rule"] != "box":
            raise InputError(f"{where} has rule '{layer.options['rule']}'; replicated layers need 'box'.")
        channels = int(layer.options["channels"])
        if grid[0] * grid[1] * channels != layer.inputs:
            raise InputError(
                f"{where}: a grid of {channels} x {grid[0]} x {grid[1]} cells does not have the {layer.inputs} values that the layer reads."
            )
        rows, columns = pooled(layer)
        prototypes = len(layer.arrays["bias"])
        if prototypes * rows * columns != layer.outputs:
            raise InputError(f"{where}: {prototypes} prototypes on {rows} x {columns} positions are not {layer.outputs} outputs.")
        check_synapses(layer, integer, where)

    def parameters(self, layer: Layer) -> int:
        return int(sum(layer.arrays[name].size for name in ("position", "reach", "charge", "bias")))

    def weights(self, layer: Layer) -> Array:
        """(prototypes, channels * kernel height * kernel width)."""
        a, kernel = layer.arrays, geometry(layer)["kernel"]
        profiles = profile("box", a["position"], a["reach"], kernel)
        return spread(a["charge"], a.get("channel"), int(layer.options["channels"]), profiles).reshape(len(a["bias"]), -1)

    def integer_weights(self, layer: Layer) -> Array:
        a, kernel = layer.arrays, geometry(layer)["kernel"]
        total = spread(a["charge"], a.get("channel"), int(layer.options["channels"]), inside(a["edges"], kernel))
        return held(total.reshape(len(a["bias"]), -1), layer)

    def shifts(self, layer: Layer) -> Array:
        rows, columns = pooled(layer)
        return np.repeat(layer.arrays["shift"], rows * columns)

    def integer_sums(self, layer: Layer) -> Callable[[Array, int], Array]:
        weights, bias = self.integer_weights(layer).astype(np.float64), layer.arrays["bias"].astype(np.int64)

        def sums(values: Array, zero_point: int) -> Array:
            columns = patches(values.astype(np.float64) - zero_point, layer)  # exact: float64 holds every partial sum
            return pool_maximum(np.rint(columns @ weights.T).astype(np.int64) + bias, layer)

        return sums

    def float_sums(self, layer: Layer) -> Callable[[Array], Array]:
        weights, bias = self.weights(layer), layer.arrays["bias"]
        return lambda values: pool_maximum(patches(values, layer) @ weights.T + bias, layer)


def patches(values: Array, layer: Layer) -> Array:
    """(n, rows, columns, channels * kernel cells) of (n, inputs): what the kernel sees at each position."""
    grid, g = grid_of(layer), geometry(layer)
    maps = values.reshape(len(values), int(layer.options["channels"]), *grid)
    (py, px), (sy, sx) = g["padding"], g["stride"]
    padded = np.pad(maps, ((0, 0), (0, 0), (py, py), (px, px)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, g["kernel"], (2, 3))[:, :, ::sy, ::sx]  # type: ignore[call-overload]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(values), *positions(layer), -1)


def pool_maximum(sums: Array, layer: Layer) -> Array:
    """(n, outputs) of (n, rows, columns, prototypes): the maximum over each window, prototype by prototype."""
    (ph, pw), (rows, columns) = geometry(layer)["pool"], pooled(layer)
    lowest = np.iinfo(np.int64).min if sums.dtype.kind == "i" else -np.inf
    full = np.full((len(sums), rows * ph, columns * pw, sums.shape[3]), lowest, sums.dtype)
    full[:, : sums.shape[1], : sums.shape[2]] = sums
    best = full.reshape(len(sums), rows, ph, columns, pw, -1).max(axis=(2, 4))
    return best.transpose(0, 3, 1, 2).reshape(len(sums), -1)
