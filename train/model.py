"""A trainable model: built from a configuration, exported to a ``Network`` and loaded back from one with equal outputs.

Input in other units than 0..1 (sensor values of +-20 g) would make a rule without a gain start far off. So a model whose first n layers are
spatial measures its lengths in ``unit = range ** (1 / (n * degree))``: with w ~ length ** -degree this undoes the range over those layers, and
since Adam's steps are relative to each parameter's unit, training runs as on input in 0..1.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from devices.errors import InputError
from runtime.data import Dataset
from runtime.network import InputSpec, Network, validate
from train.config import TrainConfig
from train.layers import layer_class
from train.layers.base import Place, TrainLayer
from train.neurons import NEURONS

DEGREE = {"inverse": 1, "inverse_square": 2}  # w ~ length ** -degree; other rules have their own length


class Model(nn.Module):
    """Bytes (samples, size) to scores (samples, classes)."""

    def __init__(self, layers: list[TrainLayer], activations: list[str], spec: InputSpec, classes: tuple[str, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.activations = activations
        self.spec = spec
        self.classes = classes

    def forward(self, u: Tensor) -> Tensor:
        x = (u.float() - self.spec.zero_point) * self.spec.scale if self.spec.zero_point else u.float() * self.spec.scale
        for layer, activation in zip(self.layers, self.activations, strict=True):
            x = NEURONS[activation](layer(x))
        return x

    def anneal(self, progress: float) -> None:
        """Tell every layer which share of the training is done."""
        for layer in self.each():
            layer.anneal(progress)

    def each(self) -> list[TrainLayer]:
        return [layer for layer in self.layers if isinstance(layer, TrainLayer)]

    def parameter_count(self) -> int:
        """Learned parameters, shared positions once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def groups(self, config: TrainConfig) -> list[dict[str, Any]]:
        """Optimiser groups, one a role and unit; ``factor`` times the scheduled rate is the group's rate."""
        groups: dict[float, list[nn.Parameter]] = {}
        for layer in self.each():
            for role in layer.roles():
                groups.setdefault(getattr(config.rates, role.name) * role.unit, []).append(role.parameter)
        return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]

    def export(self, provenance: Mapping[str, Any]) -> Network:
        """The network of stage 'trained'."""
        layers = tuple(layer.export(f"layer{k}", activation) for k, (layer, activation) in enumerate(zip(self.each(), self.activations, strict=True)))
        return validate(Network(layers, self.spec, self.classes, provenance=dict(provenance)), "the trained network")


def build(config: TrainConfig, dataset: Dataset) -> Model:
    """A new model with random parameters from torch's generator."""
    sizes = [dataset.spec.size, *config.hidden, len(dataset.classes)]
    kinds = [config.model] * (len(sizes) - 2) + [config.head or config.model]
    places = _Places(dataset.spec, kinds, config.rule)
    layers: list[TrainLayer] = []
    for kind, (inputs, outputs) in zip(kinds, itertools.pairwise(sizes), strict=True):
        layers.append(layer_class(kind).create(places.next(layers, inputs, outputs), config))
    activations = ["relu"] * (len(layers) - 1) + ["none"]
    return Model(layers, activations, dataset.spec, dataset.classes)


def from_network(network: Network, config: TrainConfig) -> Model:
    """The trainable form of a network of stage 'trained'; its structure is kept, ``config.prune`` is applied."""
    if network.stage != "trained":
        raise InputError(f"a network of stage '{network.stage}' cannot be trained further. Give one of stage 'trained', as 'train fit' writes it.")
    rules = [layer.options["rule"] for layer in network.layers if "rule" in layer.options]
    places = _Places(network.input, [layer.kind for layer in network.layers], rules[0] if rules else config.rule)
    layers: list[TrainLayer] = []
    for layer in network.layers:
        layers.append(layer_class(layer.kind).load(layer, places.next(layers, layer.inputs, layer.outputs), config))
    return Model(layers, [layer.activation for layer in network.layers], network.input, network.classes)


class _Places:
    """Hands out each layer's place, following the size of the values through the model."""

    def __init__(self, spec: InputSpec, kinds: list[str], rule: str) -> None:
        self.spec, self.kinds = spec, kinds
        self.signal = spec.scale * 255
        self.degree = DEGREE.get(rule, 0)
        leading = len(list(itertools.takewhile(lambda kind: kind == "spatial", kinds)))
        self.unit = self.signal ** (1 / (leading * self.degree)) if leading and self.degree else 1.0

    def next(self, layers: list[TrainLayer], inputs: int, outputs: int) -> Place:
        spatial = self.kinds[len(layers)] == "spatial"
        arriving, unit = self.signal, self.unit if spatial else 1.0
        self.signal = arriving / unit**self.degree if spatial else 1.0
        return Place(inputs, outputs, layers[-1] if layers else None, self.spec.shape, arriving, self.signal, unit)


@torch.no_grad()
def label_accuracy(model: Model, x: Tensor, y: Tensor, batch: int = 5000) -> float:
    """Share of right labels of (n, size) bytes, on the model's device."""
    right = sum(int((model(x[at : at + batch]).argmax(1) == y[at : at + batch]).sum()) for at in range(0, len(y), batch))
    return right / max(1, len(y))
