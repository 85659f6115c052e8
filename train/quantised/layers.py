"""Quantisation-aware training: a layer goes on learning in the integers of runtime/network/law.py, held as floats (its model: quantised_model.py).

This is for weights and charges; positions of ``spatial`` layers: quantised_positions.py.

The forward pass is, value for value, what ``runtime.network.reference`` computes on the network that ``compile`` makes of it; gradients pass straight
through every rounding. Rules:

1. Normalisations are folded; synapses' positions and reaches are fixed (moving them in this phase costs accuracy). Charges, weights, biases learn.
   With pruning, the smallest of the weights that learn are at zero.
2. The activation scale of a hidden layer is a high percentile of its positive activations over the calibration samples / 255. All
   neurons share it; neuron j has weight step (output scale / input scale) * 2**-s_j, the finest whose integers stay in range:
   |charge| and |sum of overlapping charges| <= 63 (8 bits), |weight| <= 63 (8), 7 (4), 1 (2 bits), or -3, -1, 1, 3 (2 bits, odd). Of 4 bits
   and less the largest weights are cut off, at 3.2 times the mean |weight| (4), the mean (2) or 1.9 times the mean (odd), and s_j is the
   nearest instead.
3. Biases of hidden neurons are multiples of 2**(s_j - 2), within -2046..2045 of them, so that bias and shift share 16 bits of flash.
4. The last layer has one step for all outputs.
5. Sums of charges that grow beyond 63 are brought back after every epoch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from runtime.network.law import ACTIVATION_MAX, SHIFT_MAX, WEIGHT_MAX
from runtime.network.network import Layer
from train.layers.base import TrainLayer, WeightedLayer

LIMITS = {8: WEIGHT_MAX, 4: 7, 2: 1}  # the largest |integer| by bits
ODD_LIMIT = 3
ODD_STEP = 0.62  # mean |weight|s a step: the least squared error of four levels for normal weights
CUT = 3.2  # mean |weight|s: beyond, 4-bit weights saturate
CHARGE_CUT = 1.6  # root mean squares of a neuron's charges: beyond, 4-bit charges saturate
SHIFT_FIRST = 2  # the smallest shift, so that a quarter of an activation step is a whole number
BIAS_LOW, BIAS_HIGH = -2046, 2045  # multiples of a quarter activation step: 12 bits, less what rounding adds


class _Round(torch.autograd.Function):
    """To the nearest integer; the gradient passes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0]


def round_through(x: Tensor) -> Tensor:
    """The nearest integers; the gradient passes."""
    rounded: Tensor = _Round.apply(x)
    return rounded


class _Requantise(torch.autograd.Function):
    """clamp((acc + half) >> s, 0, 255) of integers held as floats; the gradient passes inside the range."""

    @staticmethod
    def forward(ctx: Any, accumulator: Tensor, half: Tensor, inverse: Tensor) -> Tensor:
        y = ((accumulator + half) * inverse).floor_()
        ctx.save_for_backward((y > 0) & (y <= ACTIVATION_MAX), inverse)
        return y.clamp_(0, ACTIVATION_MAX)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        inside, inverse = ctx.saved_tensors
        return grads[0] * inside * inverse, None, None


class QuantisedLayer(nn.Module, ABC):
    """A layer with its steps and shifts: integers in, integers out. They are ones until ``calibrate`` or a checkpoint sets them."""

    step: Tensor
    shift: Tensor
    scales: Tensor
    layer: TrainLayer

    def __init__(self, layer: TrainLayer, last: bool) -> None:
        super().__init__()
        layer.settle()
        self.layer, self.last = layer, last
        bias = layer.bias
        self.register_buffer("step", torch.ones(len(bias), dtype=torch.float64, device=bias.device))  # real weight a step
        self.register_buffer("shift", torch.full((len(bias),), SHIFT_FIRST, dtype=torch.float64, device=bias.device))
        self.register_buffer("scales", torch.ones(2, dtype=torch.float64, device=bias.device))  # real units a step of the input, of the output

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Whole (samples, inputs) to whole (samples, outputs), held as floats."""

    @abstractmethod
    def calibrate(self, input_scale: float, active: Tensor | None, values: Tensor, sums: Tensor) -> float:
        """Set steps and shifts; returns the output scale. ``active``: the largest of the float layer's activations that is not cut off, None for
        the last layer; ``values`` (n, inputs): integers that arrive; ``sums``: the float layer's sums for them."""

    @abstractmethod
    def export(self, name: str, activation: str) -> Layer:
        """The layer of stage 'trained' whose steps the compiler keeps."""

    def hold(self) -> None:
        """Called after every epoch: put parameters back where the device can follow."""

    def pooled(self, x: Tensor) -> Tensor:
        """What the float layer hands on of its activations."""
        return x

    def bias_steps(self) -> Tensor:
        """(rows,) the bias in accumulator steps."""
        unit = (self.step * self.scales[0]).float()
        bias: Tensor = self.layer.bias / unit
        if self.last:
            return _Round.apply(bias)
        multiple = torch.exp2(self.shift - 2).float()
        return _Round.apply(self.bias_held(bias / multiple)) * multiple

    def bias_held(self, multiples: Tensor) -> Tensor:
        """Hidden biases as multiples of a quarter of an activation step, within what is stored."""
        return multiples

    def requantised(self, sums: Tensor) -> Tensor:
        """(samples, sums) to the bytes of the next layer."""
        layer = self.layer
        per_output = layer.per_output if isinstance(layer, WeightedLayer) else lambda rows: rows
        out: Tensor = _Requantise.apply(sums, per_output(torch.exp2(self.shift - 1).float()), per_output(torch.exp2(-self.shift).float()))
        return out


class QuantisedWeights(QuantisedLayer):
    """A folded layer of weights or charges."""

    layer: WeightedLayer

    def __init__(self, layer: WeightedLayer, last: bool) -> None:
        super().__init__(layer, last)
        self.odd = getattr(layer.place.spec, "odd", False)
        self.limit = ODD_LIMIT if self.odd else LIMITS[getattr(layer.place.spec, "bits", 8)]

    def integers(self) -> Tensor:
        """The values in steps, held as floats: what the network file will hold."""
        step = self.step[:, None].float()
        steps = (self.layer.kept_values() / step).clamp(-self.limit, self.limit)
        rounded: Tensor = 2 * _Round.apply((steps - 1) / 2) + 1 if self.odd else _Round.apply(steps)
        return rounded

    def bias_held(self, multiples: Tensor) -> Tensor:
        return multiples.clamp(BIAS_LOW, BIAS_HIGH)

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        sums = layer.product(x, layer.weight_of(self.integers())) + layer.per_output(self.bias_steps())
        return sums if self.last else layer.pooled(self.requantised(sums), integers=True)

    def pooled(self, x: Tensor) -> Tensor:
        return self.layer.pooled(x)

    @torch.no_grad()
    def calibrate(self, input_scale: float, active: Tensor | None, values: Tensor, sums: Tensor) -> float:
        needed = self._needed()
        if active is None:
            self.step.fill_(float(needed.max()))
            self.scales.copy_(torch.tensor([input_scale, input_scale * float(needed.max())]))
            return float(self.scales[1])
        output_scale = float(active) / ACTIVATION_MAX
        exact = torch.log2(output_scale / (input_scale * needed))
        shift = exact.round() if self.limit < WEIGHT_MAX and not self.layer.sums_limited else exact.floor()
        lacking = SHIFT_FIRST - float(shift.min())
        if lacking > 0:  # the weights are large for the activations: those get coarser
            output_scale *= 2**lacking
            shift = shift + lacking
        self.shift.copy_(shift.clamp(max=SHIFT_MAX))
        self.step.copy_(output_scale / input_scale * torch.exp2(-self.shift))
        self.scales.copy_(torch.tensor([input_scale, output_scale]))
        self.hold()
        return output_scale

    def _needed(self) -> Tensor:
        """(rows,) the step each row would like: the whole range used, or the rows' outliers cut off. One for all in the last layer."""
        size = self.layer.values.detach().double().abs()
        if self.last:
            size = size.reshape(1, -1)
        largest, mean = size.max(1).values, size.mean(1)
        if self.layer.sums_limited:
            weight = self.layer.weight_of(self.layer.values).detach().double().flatten(1).abs().max(1).values
            weight = weight.max(0, keepdim=True).values if self.last else weight
            if self.limit < WEIGHT_MAX:
                largest = torch.minimum(largest, CHARGE_CUT * size.square().mean(1).sqrt())
            steps = torch.maximum(largest / self.limit, weight / WEIGHT_MAX)
        elif self.odd or self.limit == 1:
            steps = mean * (ODD_STEP if self.odd else 1.0)
        else:
            steps = (largest if self.limit == WEIGHT_MAX else torch.minimum(largest, CUT * mean)) / self.limit
        return steps.clamp(min=1e-12)

    @torch.no_grad()
    def hold(self) -> None:
        """Shrink the charges of neurons whose overlapping charges sum to more than the law allows."""
        while self.layer.sums_limited:
            largest = self.layer.weight_of(self.integers()).flatten(1).abs().max(1).values
            over = largest > WEIGHT_MAX
            if not over.any():
                return
            step = self.step[over, None].float() * self.limit
            held = self.layer.values[over].clamp(-step, step)
            self.layer.values[over] = held * ((WEIGHT_MAX - 0.5) / largest[over])[:, None]

    @torch.no_grad()
    def export(self, name: str, activation: str) -> Layer:
        layer = self.with_steps(self.layer.export(name, activation))
        return layer if self.last else layer.with_options(output_scale=float(self.scales[1]))

    @torch.no_grad()
    def with_steps(self, layer: Layer) -> Layer:
        """An exported layer with this one's values, which are whole steps, and the steps."""

        def real(integers: Tensor, unit: Tensor) -> Any:
            return (integers.double() * unit).float().cpu().numpy()

        arrays = {self.layer.values_name: real(self.integers(), self.step[:, None]), "bias": real(self.bias_steps(), self.step * self.scales[0])}
        return layer.with_arrays(**arrays, step=self.step.float().cpu().numpy())
