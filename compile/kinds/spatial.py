"""``spatial``: positions first, weights follow.

Rules:
1. Positions become integers of ``bits`` bits, with one step and origin for all layers that share positions, chosen for the least squared error of
   the weights: a few neurons far out, whose weights are small anyway, move in to the grid's edge. Gap and cut-off follow in squared steps.
2. The weight is a table look-up on the integer squared distance (runtime/network/kinds/spatial.py). A table entry is the rule at the middle of
   its interval of distances.
3. One scale for the layer, chosen for the least squared error over the layer's connections.
4. Pruned, the longest connections go: one length says which are left. A layer that loses any loses the marks of training (5) too.
5. Quantisation-aware training fixes the step of the positions (option ``position_step``, origin 0) and the scale (array ``step``): both are
   kept. Where fewer bits are asked for than it trained with, its marks are dropped and the layers are treated as any others.
6. Frozen, each sender's mask tanh(steepness * v / 2) is its sign; v = 0 becomes +1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compile.kinds.base import IntegerWeights, Lowering, Rounder, trained_scales, untrained
from compile.kinds.rounding import round_jointly, table_moments
from devices.errors import InputError
from runtime.network.kinds.spatial import EPSILON, Spatial, ideal_table, rounded_table
from runtime.network.law import WEIGHT_MAX, distance_code
from runtime.network.network import Array, Layer
from runtime.network.rules import rule
from runtime.report.page import packed

GAP2_MAX = 2**31  # squared position steps: leaves as much for the positions
REACHED = (1.0, 0.999, 0.995, 0.99, 0.98, 0.96, 0.93, 0.9)  # shares of the positions, an axis, within the grid; tried
CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # of the largest |w|, tried as the end of the integer range
WEB = 300  # connections of every length that are drawn when no neuron is chosen


class SpatialLowering(Lowering):
    name = "spatial"
    caption = "Every neuron is drawn at its learned position; the nearer two neurons of neighbouring layers are, the stronger they are connected."

    def freeze(self, layer: Layer) -> Layer:
        if "sign" in layer.arrays:
            return layer
        sign = np.where(layer.arrays["inhibition"] < 0, np.int8(-1), np.int8(1)).astype(np.int8)
        return layer.with_arrays(drop=("inhibition",), sign=sign)

    def cut(self, layer: Layer, kept: Array, size: Array) -> Layer:
        d2 = np.maximum(Spatial().squared_distances(layer), np.float32(EPSILON))
        if (kept < (size > 0)).any():
            layer = untrained(layer)
        return layer.with_options(cutoff2=float(d2[kept & (size > 0)].max(initial=np.float32(0))))

    def on_grid(self, group: Sequence[Layer], bits: int) -> list[Layer]:
        positions = np.concatenate([group[0].arrays["sender"], *(layer.arrays["receiver"] for layer in group)]).astype(np.float64)
        largest = 2 ** (bits - 1) - 1
        trained = group[0].options.get("position_step")
        if trained is not None and np.rint(np.abs(positions).max() / trained) <= largest:
            return [_with_integer_positions(layer, np.zeros(positions.shape[1]), float(trained), largest) for layer in group]
        middle, step = position_grid(group, largest)
        return [_with_integer_positions(untrained(layer), middle, step, largest) for layer in group]

    def quantise(self, layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
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
        quantised = layer.with_arrays(drop=("step",), table=rounded_table(ideal, scale)).with_options(
            code_base=base_code, mantissa_bits=mantissa_bits
        )
        return IntegerWeights(quantised, np.full(outputs, scale), np.zeros(outputs, np.int64))

    def rounder(self, weights: IntegerWeights, values: Array, zero_point: int, target: Array, hidden: bool) -> Rounder | None:
        """Connections of one distance share an entry of the table, so its entries are rounded together."""
        moments = table_moments(weights.layer, values, zero_point, target, hidden)
        return lambda nearest, input_scale: round_jointly(nearest, moments, input_scale)

    def strengths(self, layer: Layer) -> Array:
        """The shorter, the stronger; every pair of neurons is a synapse."""
        return -np.asarray(Spatial().squared_distances(layer), np.int64).ravel()

    def without_weak(self, layer: Layer, least: int) -> Layer:
        cutoff = layer.options["cutoff2"]
        return layer.with_options(cutoff2=-least if cutoff is None else min(-least, int(cutoff)))

    def space(self, layer: Layer, axes: list[list[float]]) -> dict[str, Any]:
        order = np.argsort(-self.strengths(layer), kind="stable")
        spread = np.linspace(0, len(order) - 1, min(WEB, len(order))).astype(np.int64)
        drawn = order[np.unique(np.concatenate([np.arange(min(WEB // 2, len(order))), spread]))]
        receivers, senders = np.divmod(drawn, layer.inputs)
        cutoff = layer.options["cutoff2"]
        return {
            "form": "space",
            "coordinates": int(layer.arrays["sender"].shape[1]),
            "sender": packed(layer.arrays["sender"]),
            "receiver": packed(layer.arrays["receiver"]),
            "sign": packed(layer.arrays["sign"]),
            "table": packed(layer.arrays["table"]),
            "code_base": int(layer.options["code_base"]),
            "mantissa_bits": int(layer.options["mantissa_bits"]),
            "gap2": int(layer.options["gap2"]),
            "cutoff2": None if cutoff is None else int(cutoff),
            "axes": axes,
            "relaxed": layer.options["gap_kind"] == "relaxed",
            "web": np.stack([receivers, senders], axis=1).tolist(),
        }


def position_grid(group: Sequence[Layer], largest: int) -> tuple[Array, float]:
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


def _with_integer_positions(layer: Layer, middle: Array, step: float, largest: int) -> Layer:
    def grid(name: str) -> Array:
        return np.clip(np.rint((layer.arrays[name].astype(np.float64) - middle) / step), -largest, largest).astype(np.int16)

    gap2 = (float(layer.options["gap"]) / step) ** 2
    if gap2 > GAP2_MAX:
        raise InputError(
            f"layer '{layer.name}': its gap is {gap2**0.5:.3g} position steps; allowed: {GAP2_MAX**0.5:.0f}. Train it with a smaller gap."
        )
    integer = layer.with_arrays(sender=grid("sender"), receiver=grid("receiver")).with_options(
        drop=("gap", "steepness", "position_step"), step=step, gap2=round(gap2), cutoff2=None
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
