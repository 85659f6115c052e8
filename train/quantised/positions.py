"""Quantisation-aware training of positions: a ``spatial`` layer learns on the grid of integers that compile/kinds/spatial.py stores.

The forward pass is that pass and runtime/network/kinds/spatial.py, integer for integer: positions rounded to the grid, whole squared distances, their
codes, a table of whole weights. Gradients pass straight through every rounding, as if the weight were the rule of the distance. Rules:

1. Layers that share positions share a grid of ``bits`` bits, the compiler's choice for the positions so far; it stays. Positions and
   biases learn on; signs and gaps are what they are, because the weight step is chosen for the largest weights that a gap lets through.
2. The table is made anew for every batch: it follows from the smallest and largest distance, as the compiler makes it.
3. The weight step is the compiler's choice or up to 1.4 times that, activations are as fine as needed or up to 1.4 times coarser, so that one
   is a power of two times the other.
4. The first biases take the mean error of every neuron over the calibration samples.
5. Pruned is what lies beyond the squared distance that the share says; connections of that very distance stay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compile.kinds.spatial import SpatialLowering, position_grid
from devices.errors import NearwireError
from runtime.network.kinds.spatial import EPSILON, ideal_table, rounded_table
from runtime.network.law import ACTIVATION_MAX, SHIFT_MAX, WEIGHT_MAX
from runtime.network.network import Array, Layer
from train.layers.base import PositionLayer
from train.layers.pruning import kept
from train.layers.wiring import Rule
from train.quantised.layers import SHIFT_FIRST, QuantisedLayer

EXACT = 2**24  # float32 holds all whole numbers up to this
MANTISSA, BIAS = 23, 127  # of float32


class QuantisedSpatial(QuantisedLayer):
    """A spatial layer with its grid."""

    layer: PositionLayer
    grid: Tensor

    def __init__(self, layer: PositionLayer, last: bool, bits: int) -> None:
        super().__init__(layer, last)
        self.largest = 2 ** (bits - 1) - 1
        self.register_buffer("grid", torch.ones((), dtype=torch.float64, device=layer.bias.device))  # length units a step

    def forward(self, x: Tensor) -> Tensor:
        sums = self._product(x) + self.bias_steps()
        return sums if self.last else self.requantised(sums)

    def _product(self, x: Tensor) -> Tensor:
        layer = self.layer
        grid = Grid(float(self.grid), self.largest, float(self.step[0]), layer.prune, layer.rule_name, layer.wiring)
        signs = torch.where(layer.inhibition.detach() < 0, -1.0, 1.0)
        out: Tensor = _GridProduct.apply(x, signs, layer.sender, layer.receiver, float(layer.gap), grid)
        return out

    @torch.no_grad()
    def calibrate(self, input_scale: float, active: Tensor | None, values: Tensor, sums: Tensor) -> float:
        """``QuantisedLayer.calibrate``; ``values``: the integers that arrive, ``sums``: the float layer's sums, both (n, ...)."""
        needed, shift = float(SpatialLowering().quantise(self._integer(), 1.0, 0).scale[0]), 0
        if active is not None:
            exact = math.log2(float(active) / ACTIVATION_MAX / (input_scale * needed))
            shift = min(max(round(exact), SHIFT_FIRST), SHIFT_MAX)
            needed *= 2.0 ** max(exact - shift, 0)
            self.shift.fill_(shift)
        step = float(np.float32(needed))  # as the file holds it
        output_scale = input_scale * step * 2.0**shift
        self.step.fill_(step)
        self.scales.copy_(torch.tensor([input_scale, output_scale]))
        bare = self._product(values) * (self.step * self.scales[0]).float()
        alive = torch.ones_like(sums) if self.last else (sums > 0).float()  # behind a relu a zero tells nothing
        count = alive.sum(0)
        self.layer.bias.copy_(torch.where(count > 0, ((sums - bare) * alive).sum(0) / count.clamp(min=1), self.layer.bias))
        return output_scale

    def hold(self) -> None:
        """Keep positions on the grid's range."""
        end = float(self.grid) * self.largest
        with torch.no_grad():
            for positions in (self.layer.sender, self.layer.receiver):
                positions.clamp_(-end, end)

    @torch.no_grad()
    def export(self, name: str, activation: str) -> Layer:
        step = float(self.grid)
        layer = self.layer.export(name, activation)
        arrays: dict[str, Any] = {name: (integers * step).astype(np.float32) for name, integers in self._positions().items()}
        arrays["bias"] = (self.bias_steps().double() * self.step * self.scales[0]).float().cpu().numpy()
        gap2 = squared_gap(self.layer.gap, step)
        layer = layer.with_arrays(**arrays, step=self.step.float().cpu().numpy()).with_options(gap=gap2**0.5 * step, position_step=step)
        if self.layer.prune:
            layer = layer.with_options(cutoff2=(self._cutoff() + 0.5) * step**2)
        return layer if self.last else layer.with_options(output_scale=float(self.scales[1]))

    def _positions(self) -> dict[str, Array]:
        """Senders and receivers in steps."""
        coordinates = {"sender": self.layer.sender, "receiver": self.layer.receiver}
        return {name: whole(positions, float(self.grid), self.largest).cpu().numpy().astype(np.int16) for name, positions in coordinates.items()}

    def _cutoff(self) -> int:
        p, q = (whole(positions, float(self.grid), self.largest) for positions in (self.layer.sender, self.layer.receiver))
        return int(cutoff(whole_distances(p, q, squared_gap(self.layer.gap, float(self.grid))), self.layer.prune))

    def _integer(self) -> Layer:
        """The layer on its grid, as the compiler's quantiser takes it."""
        step = float(self.grid)
        layer = SpatialLowering().freeze(self.layer.export("layer", "none"))
        cut = self._cutoff() if self.layer.prune else None
        positions: dict[str, Any] = self._positions()
        return layer.with_arrays(**positions).with_options(step=step, gap2=squared_gap(self.layer.gap, step), cutoff2=cut)


@torch.no_grad()
def share_grid(group: list[QuantisedSpatial]) -> None:
    """Give layers that share positions one grid, the compiler's choice, and put its origin at 0."""
    middle, step = position_grid([SpatialLowering().freeze(quantised.layer.export("layer", "none")) for quantised in group], group[0].largest)
    for positions in [group[0].layer.sender, *(quantised.layer.receiver for quantised in group)]:
        positions.sub_(torch.tensor(middle, dtype=positions.dtype, device=positions.device))
    for quantised in group:
        quantised.grid.fill_(step)


def squared_gap(gap: Tensor | float, step: float) -> int:
    """In squared steps."""
    return round((float(gap) / step) ** 2)


def whole(positions: Tensor, step: float, largest: int) -> Tensor:
    """Positions in steps, held as floats."""
    return (positions.detach() / step).round_().clamp_(-largest, largest)


def whole_distances(p: Tensor, q: Tensor, gap2: int) -> Tensor:
    """(outputs, inputs) squared steps of positions in steps, exact in float32. The product has factors of 8 bits, which TF32 holds as well."""
    if 4 * p.shape[1] * max(float(p.abs().max()), float(q.abs().max())) ** 2 + gap2 >= EXACT:
        raise NearwireError(
            f"squared distances of more than {EXACT} steps are not exact in float32. Train with fewer coordinates (d) or quantise.bits."
        )
    return ((q * q).sum(1)[:, None] + ((p * p).sum(1) + gap2)[None, :]).sub_(q @ p.T, alpha=2)


def cutoff(d2: Tensor, share: float) -> Tensor:
    """The squared steps of the last connection that stays."""
    return d2.flatten().kthvalue(kept(d2.numel(), share)).values


def codes(d2: Tensor, mantissa_bits: int) -> Tensor:
    """runtime.network.law.distance_code of whole numbers held as float32: what it defines is the layout of a float's own bits."""
    return (d2.clamp(min=1).view(torch.int32) >> (MANTISSA - mantissa_bits)) - (BIAS << mantissa_bits)


@dataclass(frozen=True)
class Grid:
    """What a product on the grid is, besides its tensors."""

    step: float  # length units
    largest: int  # |coordinate|, steps
    scale: float  # real weight a step
    share: float  # of the connections that are cut
    rule_name: str
    wiring: Rule


class _GridProduct(torch.autograd.Function):
    """(samples, outputs) whole sums of whole inputs x (samples, inputs). Gradients: those of train/layers/wiring.py, of the weight in its steps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, signs: Tensor, sender: Tensor, receiver: Tensor, gap: float, grid: Grid) -> Tensor:
        p, q = whole(sender, grid.step, grid.largest), whole(receiver, grid.step, grid.largest)
        d2 = whole_distances(p, q, squared_gap(gap, grid.step))
        far = d2 > cutoff(d2, grid.share) if grid.share else None
        high = d2.max() if far is None else d2.masked_fill(far, 0).max()
        mantissa_bits, first, ideal = ideal_table(int(d2.min()), int(high), grid.rule_name, grid.step**2)
        index = codes(d2, mantissa_bits).sub_(first).clamp_(0, len(ideal) - 1)
        weight = torch.tensor(rounded_table(ideal, grid.scale), dtype=x.dtype, device=x.device)[index]
        smooth = grid.wiring.apply(d2.mul_(grid.step**2).clamp_(min=EPSILON))
        slope = smooth.pow(grid.wiring.power).mul_(2 * grid.wiring.factor / grid.scale)
        slope.masked_fill_(smooth > grid.scale * (WEIGHT_MAX + 0.5), 0)  # saturated
        if far is not None:
            weight.masked_fill_(far, 0)
            slope.masked_fill_(far, 0)
        sent = x * signs
        ctx.save_for_backward(sent, signs, p * grid.step, q * grid.step, weight, slope)
        return sent @ weight.T

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        sent, signs, p, q, weight, slope = ctx.saved_tensors
        a = (grads[0].T @ sent).mul_(slope)
        d_x = (grads[0] @ weight).mul_(signs) if ctx.needs_input_grad[0] else None
        by_sender, by_receiver = a.sum(0), a.sum(1)
        d_sender = p * by_sender[:, None] - a.T @ q
        d_receiver = q * by_receiver[:, None] - a @ p
        return d_x, None, d_sender, d_receiver, None, None


def spatial_groups(layers: list[nn.Module]) -> list[list[QuantisedSpatial]]:
    """Runs of layers that share positions."""
    groups: list[list[QuantisedSpatial]] = []
    for layer in layers:
        if isinstance(layer, QuantisedSpatial):
            if layer.layer.tied:
                groups[-1].append(layer)
            else:
                groups.append([layer])
    return groups
