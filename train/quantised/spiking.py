"""The quantised phase of a spiking network: weights, charges and biases are rounded, straight through; membranes stay real.

The law (runtime/network/spiking/integers.py) rounds currents and membranes too, but to less than 1 / 2048 of a threshold, so this model spikes as the
compiled network does but for rare ties. Rules beside those of train/quantised/layers.py:

1. A first layer that reads bytes (coding ``direct``) has a weight step a neuron, powers of two apart, the finest that the law's shifts allow.
2. A layer that reads spikes has one step for all its weights.
3. Biases are whole steps of the sums: the weight step, times the input's.
4. No step of weights or charges is so fine that the threshold is more than the law's largest.
5. Spatial layers learn on their grid as train/quantised/positions.py says, with one step for all weights; their first biases take each neuron's
   mean error over calibration samples and time steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from compile.passes.spiking import FIRST
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.law import SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX
from runtime.network.network import Layer, Network
from runtime.network.spiking.constants import THRESHOLD_MAX
from train.config import TrainConfig
from train.layers.base import PositionLayer, TrainLayer, WeightedLayer
from train.model.model import Model
from train.quantised.layers import QuantisedLayer, QuantisedWeights, round_through
from train.quantised.model import QuantisedModel
from train.quantised.positions import QuantisedSpatial, share_grid, spatial_groups
from train.spiking.dynamics import Activity, SpikingNeurons
from train.spiking.neurons import lif

CALIBRATION_MAX = 1000  # samples, each of several time steps
FINER = 1.001  # keeps the largest threshold's rounding within the law


class QuantisedCurrents(QuantisedWeights):
    """A folded layer with its steps: integers in, real currents out. ``steady``: it reads bytes, so each neuron has a step of its own."""

    def __init__(self, layer: WeightedLayer, steady: bool) -> None:
        super().__init__(layer, last=not steady)

    def bias_steps(self) -> Tensor:
        return round_through(self.layer.bias / self._unit())

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        sums: Tensor = layer.product(x, layer.weight_of(self.integers())) + self.bias_steps()
        return sums * self._unit()

    def _unit(self) -> Tensor:
        """(rows,) the current of a step of the sums."""
        return (self.step * self.scales[0]).float()

    @torch.no_grad()
    def calibrate_for(self, input_scale: float, threshold: float) -> None:
        """Set the steps for a threshold in real units."""
        needed = self._needed()
        finest = threshold / input_scale  # a step of the sums that is as large as the threshold
        if self.last:
            self.step.fill_(max(float(needed.max()), FINER * finest / THRESHOLD_MAX))
        else:
            base = max(float(needed.max()), FINER * finest / (2 * FIRST * 2.0**SHIFT_MAX))
            shift = min(max(math.floor(math.log2(finest / base / FIRST)), SHIFT_MIN), SHIFT_MAX)
            exact = torch.log2(base / needed)
            exponent = exact.round() if self.limit < WEIGHT_MAX and not self.layer.sums_limited else exact.floor()
            self.step.copy_(base * torch.exp2(-exponent.clamp(0, SHIFT_MAX - shift)))
        self.scales.fill_(input_scale)
        self.hold()

    @torch.no_grad()
    def export(self, name: str, activation: str) -> Layer:
        return self.with_steps(self.layer.export(name, activation))


class QuantisedSpatialCurrents(QuantisedSpatial):
    """A spatial layer on its grid: integers in, real currents out."""

    def __init__(self, layer: PositionLayer, bits: int) -> None:
        super().__init__(layer, True, bits)

    def forward(self, x: Tensor) -> Tensor:
        currents: Tensor = super().forward(x) * (self.step * self.scales[0]).float()
        return currents


class QuantisedSpikingModel(QuantisedModel):
    """Bytes (samples, size) to real scores (samples, classes). It takes the layers and neurons of ``model`` over."""

    neurons: SpikingNeurons

    def __init__(self, model: Model, bits: int, neurons: SpikingNeurons) -> None:
        self.direct = neurons.spiking.coding == "direct"
        super().__init__(model, bits)

    def _quantised(self, layer: TrainLayer, k: int, count: int, bits: int) -> QuantisedLayer:
        if isinstance(layer, PositionLayer):
            return QuantisedSpatialCurrents(layer, bits)
        if not isinstance(layer, WeightedLayer):
            raise InputError(f"layer {k} is {layer.kind}, which the quantised phase of a spiking network cannot train. Leave 'quantise' out.")
        return QuantisedCurrents(layer, steady=k == 0 and self.direct)

    @torch.no_grad()
    def calibrate(self, u: Tensor, percentile: float) -> None:
        """Choose every layer's steps; biases of spatial layers follow the float network's spikes for training bytes u (n, size)."""
        for group in spatial_groups(list(self.trainable_layers())):
            share_grid(group)
        neurons, u = self.neurons, u[:CALIBRATION_MAX]
        x = self._integers(u) if self.direct else neurons.encode(u).flatten(0, 1)
        scale = self.spec.step if self.direct else 1.0
        for k, layer in enumerate(self.trainable_layers()):
            sums = layer.layer(x * scale)
            if isinstance(layer, QuantisedCurrents):
                layer.calibrate_for(scale, float(neurons.threshold[k]))
            else:
                layer.calibrate(scale, None, x, sums)
            steady = k == 0 and self.direct
            current = sums if steady else sums.view(neurons.spiking.steps, len(u), -1)
            x = lif(current, neurons.spiking, neurons.config.surrogate, steady, neurons.beta[k], neurons.threshold[k]).flatten(0, 1)
            scale = 1.0

    def _activity(self, u: Tensor) -> Activity:
        return self.neurons.run(u, self._integers(u), list(self.layers))

    def scores(self, u: Tensor) -> Tensor:
        return self._activity(u).scores

    def forward(self, u: Tensor, y: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        activity = self._activity(u)
        return activity.scores if y is None else self.neurons.loss(activity, y, smoothing)

    def hold(self) -> None:
        super().hold()
        self.neurons.hold()

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        learned = list(self.neurons.learned())
        return [*super().groups(config), *([{"params": learned, "factor": config.rates.neuron}] if learned else [])]

    def export(self, provenance: Mapping[str, Any]) -> Network:
        layers = tuple(
            layer.export(f"layer{k}", "lif").with_options((), **self.neurons.options(k)) for k, layer in enumerate(self.trainable_layers())
        )
        network = Network(layers, self.spec, self.classes, spiking=self.neurons.spiking, front=self.front, provenance=dict(provenance))
        return validate(network, "the trained network")
