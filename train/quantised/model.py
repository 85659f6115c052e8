"""The model of the quantised phase: integers from the input bytes to the scores, layer by layer as train/quantised/layers.py says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.law import ACTIVATION_MAX
from runtime.network.network import Network
from train.config import TrainConfig
from train.layers.base import PositionLayer, TrainLayer, WeightedLayer
from train.model.model import Model
from train.quantised.layers import QuantisedLayer, QuantisedWeights
from train.quantised.positions import QuantisedSpatial, share_grid, spatial_groups


class QuantisedModel(nn.Module):
    """Bytes (samples, size) to real scores (samples, classes), computed in integers. It takes the layers of ``model`` over."""

    def __init__(self, model: Model, bits: int) -> None:
        """``bits`` of a coordinate of spatial layers."""
        super().__init__()
        check_quantisable(model)
        model.fold()
        self.spec, self.classes, self.activations = model.spec, model.classes, model.activations
        self.neurons, self.front = model.neurons, model.front
        layers = model.trainable_layers()
        self.layers = nn.ModuleList(self._quantised(layer, k, len(layers), bits) for k, layer in enumerate(layers))

    def _quantised(self, layer: TrainLayer, k: int, count: int, bits: int) -> QuantisedLayer:
        """Layer k of ``count`` with its steps."""
        if isinstance(layer, PositionLayer):
            return QuantisedSpatial(layer, k == count - 1, bits)
        if isinstance(layer, WeightedLayer):
            return QuantisedWeights(layer, k == count - 1)
        raise _unquantisable(k, layer.kind)

    def trainable_layers(self) -> list[QuantisedLayer]:
        return [layer for layer in self.layers if isinstance(layer, QuantisedLayer)]

    def products(self) -> int:
        """As ``Model.products``."""
        return sum(quantised.layer.place.inputs * quantised.layer.place.outputs for quantised in self.trainable_layers())

    @torch.no_grad()
    def calibrate(self, u: Tensor, percentile: float) -> None:
        """Choose every layer's steps on (n, size) training bytes, following the float layers."""
        for group in spatial_groups(self.trainable_layers()):
            share_grid(group)
        x = self._integers(u)
        scale = self.spec.step
        value = x * scale
        for quantised in self.trainable_layers():
            sums = quantised.layer(value)
            if quantised.last:
                quantised.calibrate(scale, None, x, sums)
                continue
            value = torch.relu(sums)
            positive = value[value > 0]
            rank = max(1, math.ceil(positive.numel() * percentile / 100))
            highest = positive.kthvalue(min(rank, positive.numel())).values if positive.numel() else torch.ones(())
            scale = quantised.calibrate(scale, highest, x, sums)
            value, x = quantised.pooled(value.clamp(max=ACTIVATION_MAX * scale)), quantised(x)

    def _integers(self, u: Tensor) -> Tensor:
        x = u if u.dtype == torch.uint8 else u.round().clamp(0, 255)
        if self.spec.cut:
            x = x >> self.spec.cut if x.dtype == torch.uint8 else (x / 2**self.spec.cut).floor()
        return x.float() - self.spec.zero_point if self.spec.zero_point else x.float()

    def scores(self, u: Tensor) -> Tensor:
        """(samples, classes) integers held as floats: runtime.network.reference's scores of the compiled network."""
        x = self._integers(u)
        for layer in self.layers:
            x = layer(x)
        return x

    def forward(self, u: Tensor, y: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        """As ``Model.forward``."""
        real = self.scores(u) * self.trainable_layers()[-1].scales[1].float()
        return real if y is None else functional.cross_entropy(real, y, label_smoothing=smoothing)

    def anneal(self, progress: float) -> None:
        """Nothing is annealed in this phase."""

    def hold(self) -> None:
        """Bring sums of charges back within the law, and positions within the grid."""
        for layer in self.trainable_layers():
            layer.hold()

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        """Optimiser groups as ``Model.groups``, charges slower."""
        slower = config.quantise.charge if config.quantise else 1.0
        groups: dict[float, list[nn.Parameter]] = {}
        for quantised in self.trainable_layers():
            for role in quantised.layer.roles():
                if role.parameter.requires_grad:
                    factor = getattr(config.rates, role.name) * role.unit * (slower if role.name == "charge" else 1.0)
                    groups.setdefault(factor, []).append(role.parameter)
        return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]

    def export(self, provenance: Mapping[str, Any]) -> Network:
        """The network of stage 'trained', its values whole steps."""
        layers = tuple(
            layer.export(f"layer{k}", activation) for k, (layer, activation) in enumerate(zip(self.trainable_layers(), self.activations, strict=True))
        )
        return validate(Network(layers, self.spec, self.classes, front=self.front, provenance=dict(provenance)), "the trained network")


def check_quantisable(model: Model) -> None:
    """InputError naming the first layer that the quantised phase cannot train."""
    for k, layer in enumerate(model.trainable_layers()):
        if what := layer.unquantisable():
            raise _unquantisable(k, what)


def _unquantisable(k: int, what: str) -> InputError:
    return InputError(
        f"layer {k} is {what}, which the quantised phase cannot train. "
        "Allowed: layers of positions, of weights and of boxes (rule box). Leave 'quantise' out; compile quantises every kind after the training."
    )
