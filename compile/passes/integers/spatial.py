"""``spatial``: positions first, weights follow.

Rules:
1. Positions become integers of ``bits`` bits, with one step for all layers that share positions; gap and cut-off follow in squared steps.
2. The weight is a table look-up on the integer squared distance (runtime/kinds/spatial.py). A table entry is the rule at the middle of
   its interval of distances.
3. One scale for the layer, chosen for the least squared error over the layer's connections.
"""

from __future__ import annotations

import numpy as np

from compile.passes.integers.base import IntegerWeights
from devices.errors import InputError
from runtime.kinds.spatial import EPSILON, Spatial
from runtime.law import WEIGHT_MAX, distance_code, distance_of_code
from runtime.network import Array, Layer, Network
from runtime.rules import rule

BITS = (4, 12)  # of a coordinate: fewer distort the map, more overflow no table but gain nothing
TABLE_MAX = 256  # entries
CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # of the largest |w|, tried as the end of the integer range


def quantise_spatial(layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
    """See ``base.Quantiser``; for a layer whose positions are integers already (``integer_positions``)."""
    d2 = Spatial().squared_distances(layer)
    step2 = float(layer.options["step"]) ** 2
    kept = d2 <= layer.options["cutoff2"] if layer.options["cutoff2"] is not None else np.ones(d2.shape, bool)
    low, high = int(d2.min()), int(d2[kept].max(initial=int(d2.min())))
    mantissa_bits = next(m for m in range(8, -1, -1) if np.ptp(distance_code(np.array([low, high]), m)) < TABLE_MAX)
    base_code, last_code = (int(c) for c in distance_code(np.array([low, high]), mantissa_bits))
    codes = np.arange(base_code, last_code + 1)
    ideal = rule(layer.options["rule"])(np.maximum(distance_of_code(codes, mantissa_bits) * step2, EPSILON))
    count = np.bincount((distance_code(d2[kept], mantissa_bits) - base_code).ravel(), minlength=len(codes))
    used = ideal[count > 0].max(initial=1e-12)

    def error(clip: float) -> float:
        scale = used * clip / WEIGHT_MAX
        return float((count * (np.minimum(np.rint(ideal / scale), WEIGHT_MAX) * scale - ideal) ** 2).sum())

    scale = used * min(CLIPS, key=error) / WEIGHT_MAX * coarser
    table = np.minimum(np.rint(ideal / scale), WEIGHT_MAX).astype(np.int8)
    outputs = layer.outputs
    quantised = layer.with_arrays(table=table).with_options(code_base=base_code, mantissa_bits=mantissa_bits)
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
        middle = (positions.max(axis=0) + positions.min(axis=0)) / 2
        step = max(float(np.abs(positions - middle).max()), 1e-9) / (2 ** (bits - 1) - 1)
        done += [_with_integer_positions(layer, middle, step) for layer in group]
    return tuple(done)


def _groups(layers: tuple[Layer, ...]) -> list[list[Layer]]:
    """Runs of layers that share positions; every other layer is alone."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.options.get("tied"):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups


def _with_integer_positions(layer: Layer, middle: Array, step: float) -> Layer:
    def grid(name: str) -> Array:
        return np.rint((layer.arrays[name].astype(np.float64) - middle) / step).astype(np.int16)

    integer = layer.with_arrays(sender=grid("sender"), receiver=grid("receiver")).with_options(
        drop=("gap", "steepness"), step=step, gap2=round((float(layer.options["gap"]) / step) ** 2), cutoff2=None
    )
    if "cutoff2" in layer.options:
        cut = int((Spatial().squared_distances(layer) > np.float32(layer.options["cutoff2"])).sum())
        integer = integer.with_options(cutoff2=_cutoff(Spatial().squared_distances(integer), cut))
    return integer


def _cutoff(d2: Array, cut: int) -> int:
    """The squared integer distance beyond which the number of connections is nearest to ``cut``."""
    values, counts = np.unique(d2, return_counts=True)
    beyond = counts.sum() - np.cumsum(counts)
    return int(values[np.abs(beyond - cut).argmin()])
