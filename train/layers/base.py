"""What every trainable layer kind offers. Each mirrors a kind of runtime/network/kinds and is exported to, and loaded from, its ``Layer``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.kinds import Spec
from train.layers.wiring import Rule


@dataclass(frozen=True)
class Place:
    """Where a layer stands in its model."""

    inputs: int
    outputs: int
    before: TrainLayer | None  # the layer whose outputs it reads; None: it reads the input
    spec: Spec  # what the configuration says about the layer
    maps: tuple[int, int, int]  # (channels, height, width) of what it reads, where it reads a grid
    maximum: int  # the largest integer that arrives when the network is quantised
    shape: tuple[int, ...]  # of one input sample of the network: a grid for layers that read pixels
    signal: float  # size of the values that arrive, relative to 1
    output_signal: float  # size of the values that leave
    unit: float  # size of the lengths, relative to 1 (train/model/model.py)
    last: bool = False  # whether the channels of a cell lie beside each other in what it reads


@dataclass(frozen=True)
class Role:
    """What a parameter is, for its learning rate: ``rate * config.rates[name] * unit``."""

    name: str  # a key of TrainConfig.rates
    parameter: nn.Parameter
    unit: float  # natural size of the parameter; Adam's steps are relative to it


LOW_PRECISION = 64  # outputs of a layer from which on converting its input costs less than multiplying in bfloat16 saves


def multiplied_in(place: Place, config: TrainConfig) -> torch.dtype | None:
    """What the factors of a layer's products are rounded to while training in floats; None: nothing else than they are."""
    return torch.bfloat16 if config.precision == "bf16" and place.outputs >= LOW_PRECISION else None


class TrainLayer(nn.Module, ABC):
    """A layer without its activation: (samples, inputs) to (samples, outputs). Most kinds are a ``WeightedLayer``."""

    kind: str
    place: Place
    bias: nn.Parameter  # (rows,)
    written_out = False  # whether its passes are written by hand, so that torch.compile gains nothing

    @classmethod
    @abstractmethod
    def create(cls, place: Place, config: TrainConfig) -> TrainLayer:
        """A new layer with random parameters from torch's generator."""

    @classmethod
    @abstractmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> TrainLayer:
        """The trainable form of a layer of a network of stage 'trained'."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Values before the activation."""

    @abstractmethod
    def roles(self) -> Iterator[Role]:
        """Every parameter this layer owns."""

    @abstractmethod
    def export(self, name: str, activation: str) -> Layer:
        """The layer of the network file, float32."""

    def anneal(self, progress: float) -> None:
        """Called before every step with the share of the training that is done, 0..1."""

    def centre(self, sums: Tensor) -> None:
        """Called once in a new model with the (samples, outputs) values that training samples give: a chance to start around 0."""

    def hold(self) -> None:
        """Called after every epoch: put parameters back where the device can follow."""

    def settle(self) -> None:
        """Called before the quantised phase: fix what no longer learns in it."""

    def unquantisable(self) -> str | None:
        """What the layer is, where the quantised phase cannot train it; None where it can."""
        return self.kind

    def normalised_with(self) -> float | None:
        """What is added to the variance by the normalisation behind a hidden layer of a new model; None: it needs none."""
        return None


class PositionLayer(TrainLayer):
    """A layer whose weights follow from the distances of positions: sign * rule(|sender - receiver|**2 + gap**2), beyond a cut-off 0.

    Layers that are ``tied`` share the tensor of positions between them. train/quantised/positions.py trains it on a grid of integers.
    """

    sender: nn.Parameter  # (inputs, k)
    receiver: nn.Parameter  # (outputs, k)
    inhibition: nn.Parameter  # (inputs,); its sign is the sender's
    gap: nn.Parameter | float
    tied: bool
    prune: float  # share of the connections that are cut, the longest
    rule_name: str
    wiring: Rule

    def unquantisable(self) -> str | None:
        return None


class WeightedLayer(TrainLayer):
    """A layer that sums weights times inputs, a row a neuron or prototype: out = product(x, weight_of(values)) + bias.
    Its activations may be pooled afterwards (``pooled``); max pooling can come before the activation, as a part of the product.

    ``weight_of`` is linear in ``values``, so a normalisation folds into them, and integers in give integers out (train/quantised/layers.py).
    """

    values_name: str  # of the array in the network file: 'weight' or 'charge'
    values: nn.Parameter  # (rows, k)
    bias: nn.Parameter  # (rows,)
    sums_limited = False  # whether |weight| must stay within the law although |values| does

    @abstractmethod
    def weight_of(self, values: Tensor) -> Tensor:
        """(rows, ...) weights that these values stand for."""

    @abstractmethod
    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        """(samples, sums) without the bias."""

    def unquantisable(self) -> str | None:
        return None

    def forward(self, x: Tensor) -> Tensor:
        return self.product(x, self.weight_of(self.kept_values())) + self.per_output(self.bias)

    def kept_values(self) -> Tensor:
        """The values, pruned ones at zero."""
        return self.values

    def per_output(self, rows: Tensor) -> Tensor:
        """(rows,) to (sums,): every position of a prototype has its value."""
        repeats = self.sums() // len(rows)
        return rows if repeats == 1 else rows.repeat_interleave(repeats)

    def sums(self) -> int:
        """How many sums of a sample the activation is taken of."""
        return self.place.outputs

    @torch.no_grad()
    def fold(self, gain: Tensor, bias: Tensor) -> None:
        """From now on gain * (the sums so far) + bias."""
        self.values.mul_(gain[:, None])
        self.bias.mul_(gain).add_(bias)

    def pooled(self, x: Tensor, integers: bool = False) -> Tensor:
        """(samples, outputs) of the activations of ``forward``'s sums: what is handed on. ``integers``: rounded as the law does."""
        return x
