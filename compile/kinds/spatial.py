"""``spatial``: positions first, weights follow.

Rules:
1. Positions become integers of ``bits`` bits, with one step and origin for all layers that share positions, chosen for the least squared error of
   the weights: a few neurons far out, whose weights are small anyway, move in to the grid's edge. Gap and cut-off follow in squared steps.
2. The weight is a table look-up on the integer squared distance (runtime/network/kinds/spatial.py). A table entry is the rule at the middle of
   its interval of distances.
3. One scale for the layer, chosen for the least squared error over the layer's connections.
4. Quantisation-aware training fixes the step of the positions (option ``position_step``, origin 0) and the scale (array ``step``): both are
   kept. Where fewer bits are asked for than it trained with, its marks are dropped and the layers are treated as any others.
"""

from __future__ import annotations

import numpy as np

from compile.kinds.base import IntegerWeights, trained_scales, untrained
from devices.errors import InputError
from runtime.network.kinds.spatial import EPSILON, Spatial, ideal_table, rounded_table
from runtime.network.law import WEIGHT_MAX, distance_code
from runtime.network.network import Array, Layer, Network
from runtime.network.rules import rule

BITS = (4, 12)  # of a coordinate: fewer distort the map, more overflow no table but gain nothing
REACHED = (1.0, 0.999, 0.995, 0.99, 0.98, 0.96, 0.93, 0.9)  # shares of the positions, an axis, within the grid; tried
CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # of the largest |w|, tried as the end of the integer range


def quantise_spatial(layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
    """See ``base.Quantiser``; for a layer whose positions are integers already (``integer_positions``)."""
    d2 = Spatial().squared_distances(layer)
    step2 = float(layer.options["step"]) ** 2
    kept = d2 <= layer.options["cutoff2"] if layer.options["cutoff2"] is not None else np.ones(d2.shape, bool)
    low, high = int(d2.min()), int(d2[kept].max(initial=int(d2.min())))
    mantissa_bits, base_code, ideal = ideal_table(low, high, layer.options["rule"], step2)
    fixed = trained_scales(layer)
    if fixed is not None:
        scale = float(fixed[0][0])
    else:
        count = np.bincount((distance_code(d2[kept], mantissa_bits) - base_code).ravel(), minlength=len(ideal))
        used = ideal[count > 0].max(initial=1e-12)

        def error(clip: float) -> float:
            step = used * clip / WEIGHT_MAX
            return float((count * (np.minimum(np.rint(ideal / step), WEIGHT_MAX) * step - ideal) ** 2).sum())

        scale = used * min(CLIPS, key=error) / WEIGHT_MAX * coarser
    outputs = layer.outputs
    quantised = layer.with_arrays(drop=("step",), table=rounded_table(ideal, scale)).with_options(code_base=base_code, mantissa_bits=mantissa_bits)
    return IntegerWeights(quantised, np.full(outputs, scale), np.zeros(outputs, np.int64))


def integer_positions(network: Network, bits: int) -> tuple[Layer, ...]:
    """The layers with integer positions, gap and cut-off wherever a layer is ``spatial``; tied layers share one step and one origin."""
    if not BITS[0] <= bits <= BITS[1]:
        raise InputError(f"{bits} bits a coordinate were asked for; allowed: {BITS[0]} to {BITS[1]}. 8 loses next to nothing.")
    done: list[Layer] = []
    for group in _groups(network.layers):
        if group[0].kind != "spatial":
            done += group
            continue
        positions = np.concatenate([group[0].arrays["sender"], *(layer.arrays["receiver"] for layer in group)]).astype(np.float64)
        largest = 2 ** (bits - 1) - 1
        trained = group[0].options.get("position_step")
        if trained is not None and np.rint(np.abs(positions).max() / trained) <= largest:
            done += [_with_integer_positions(layer, np.zeros(positions.shape[1]), float(trained), largest) for layer in group]
            continue
        middle, step = position_grid(group, largest)
        done += [_with_integer_positions(untrained(layer), middle, step, largest) for layer in group]
    return tuple(done)


def position_grid(group: list[Layer], largest: int) -> tuple[Array, float]:
    """(origin, step) of a grid of -``largest`` .. ``largest`` steps for float layers that share positions, by rule 1."""
    positions = np.concatenate([group[0].arrays["sender"], *(layer.arrays["receiver"] for layer in group)]).astype(np.float64)
    kind = Spatial()

    def size(layer: Layer, d2: Array) -> Array:
        return rule(layer.options["rule"])(np.maximum(d2, EPSILON))

    exact = [size(layer, kind.squared_distances(layer)) for layer in group]

    def error(grid: tuple[Array, float]) -> float:
        moved = [_with_integer_positions(layer.with_options(drop=("cutoff2",)), *grid, largest) for layer in group]
        return sum(float(np.square(size(a, kind.squared_distances(a) * grid[1] ** 2) - b).sum()) for a, b in zip(moved, exact, strict=True))

    grids = []
    for share in REACHED:
        low, high = np.quantile(positions, [(1 - share) / 2, (1 + share) / 2], axis=0)
        grids.append(((low + high) / 2, max(float((high - low).max()) / 2, 1e-9) / largest))
    return min(grids, key=error)


def _groups(layers: tuple[Layer, ...]) -> list[list[Layer]]:
    """Runs of layers that share positions; every other layer is alone."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.options.get("tied"):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups


def _with_integer_positions(layer: Layer, middle: Array, step: float, largest: int) -> Layer:
    def grid(name: str) -> Array:
        return np.clip(np.rint((layer.arrays[name].astype(np.float64) - middle) / step), -largest, largest).astype(np.int16)

    integer = layer.with_arrays(sender=grid("sender"), receiver=grid("receiver")).with_options(
        drop=("gap", "steepness", "position_step"), step=step, gap2=round((float(layer.options["gap"]) / step) ** 2), cutoff2=None
    )
    if "cutoff2" in layer.options and "step" in layer.arrays:
        integer = integer.with_options(cutoff2=int(layer.options["cutoff2"] / step**2))  # training put it between two squared steps
    elif "cutoff2" in layer.options:
        cut = int((Spatial().squared_distances(layer) > np.float32(layer.options["cutoff2"])).sum())
        integer = integer.with_options(cutoff2=_cutoff(Spatial().squared_distances(integer), cut))
    return integer


def _cutoff(d2: Array, cut: int) -> int:
    """The squared integer distance beyond which the number of connections is nearest to ``cut``."""
    values, counts = np.unique(d2, return_counts=True)
    beyond = counts.sum() - np.cumsum(counts)
    return int(values[np.abs(beyond - cut).argmin()])
