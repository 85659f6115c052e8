"""``dense``: out = W x + b, ordinary learned weights, for baselines and heads; with pruning the smallest magnitudes are 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from runtime.network.kinds import KINDS
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.kinds import NeuronSpec, Structure
from train.layers.base import Place, Role, WeightedLayer, multiplied_in
from train.layers.pruning import without_smallest

EPS = 0.001  # of the normalisation's variance


class DenseSpec(NeuronSpec):
    """Ordinary weights."""

    kind: Literal["dense"] = "dense"
    """Which of the kinds of layers."""
    bits: Literal[8, 4, 2] = 8
    """Of a weight after the quantised phase: -63..63, -7..7, -1..1."""
    odd: bool = False
    """Weights of 2 bits are -3, -1, 1 and 3 instead of -1, 0 and 1: one more value in the same space."""
    normalise: bool = True
    """Batch normalisation behind the layer while training; never behind the last."""

    @model_validator(mode="after")
    def _two_bits(self) -> DenseSpec:
        if self.odd and self.bits != 2:
            raise ValueError(f"odd weights have 2 bits, not {self.bits}")
        return self

    @classmethod
    def of(cls, config: Structure, outputs: int | None, kinds: Sequence[str]) -> Self:
        """Beside layers of synapses normalised, otherwise as baselines are."""
        return cls(outputs=outputs, normalise=any(KINDS[kind].synapses for kind in kinds))

    def unprunable(self) -> str | None:
        return "odd weights are never 0; leave prune or odd out" if self.odd else None


class Dense(WeightedLayer):
    kind = "dense"
    values_name = "weight"

    def __init__(self, place: Place, config: TrainConfig, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.place = place
        self.prune, self.structure = config.prune, config.prune_structure
        self.multiplied_in = multiplied_in(place, config)
        self.weight = nn.Parameter(weight)  # (outputs, inputs)
        self.bias = nn.Parameter(bias)  # (outputs,)

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> Dense:
        """Uniform in +-1 / sqrt(inputs), as nn.Linear, or normal with ``config.weight_spread``, for inputs of size 1."""
        limit = place.inputs**-0.5
        weight = torch.empty(place.outputs, place.inputs).uniform_(-limit, limit)
        if config.weight_spread is not None:
            weight.normal_(std=config.weight_spread)
        weight /= place.signal
        return cls(place, config, weight, torch.empty(place.outputs).uniform_(-limit, limit))

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Dense:
        return cls(place, config, torch.tensor(layer.arrays["weight"]), torch.tensor(layer.arrays["bias"]))

    @property
    def values(self) -> nn.Parameter:  # type: ignore[override]
        return self.weight

    def weight_of(self, values: Tensor) -> Tensor:
        return values

    def kept_values(self) -> Tensor:
        return without_smallest(self.weight, self.prune, self.structure) if self.prune else self.weight

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.linear(x, weight)

    def forward(self, x: Tensor) -> Tensor:
        weight, low = self.kept_values(), self.multiplied_in
        if low is None:
            return functional.linear(x, weight, self.bias)
        return functional.linear(x.to(low), weight.to(low)).to(x.dtype) + self.bias

    def normalised_with(self) -> float | None:
        spec = self.place.spec
        return EPS if not isinstance(spec, DenseSpec) or spec.normalise else None

    def roles(self) -> Iterator[Role]:
        yield Role("weight", self.weight, 1 / self.place.signal)
        yield Role("weight", self.bias, 1.0)

    def export(self, name: str, activation: str) -> Layer:
        with torch.no_grad():
            weight = self.kept_values()
        arrays = {"weight": weight.detach().cpu().numpy().copy(), "bias": self.bias.detach().cpu().numpy().copy()}
        return Layer(name, self.kind, self.place.inputs, self.place.outputs, activation, arrays)


SPEC, LAYER = DenseSpec, Dense
