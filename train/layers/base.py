"""What every trainable layer kind offers. Each mirrors a kind of runtime/kinds and is exported to, and loaded from, its ``Layer``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from runtime.network import Layer
from train.config import TrainConfig


@dataclass(frozen=True)
class Place:
    """Where a layer stands in its model."""

    inputs: int
    outputs: int
    before: TrainLayer | None  # the layer whose outputs it reads; None: it reads the input
    shape: tuple[int, ...]  # of one input sample of the network: a grid for layers that read pixels
    signal: float  # size of the values that arrive, relative to 1
    output_signal: float  # size of the values that leave
    unit: float  # size of the lengths, relative to 1 (train/model.py)


@dataclass(frozen=True)
class Role:
    """What a parameter is, for its learning rate: ``rate * config.rates[name] * unit``."""

    name: str  # a key of TrainConfig.rates
    parameter: nn.Parameter
    unit: float  # natural size of the parameter; Adam's steps are relative to it


class TrainLayer(nn.Module, ABC):
    """A layer without its activation: (samples, inputs) to (samples, outputs)."""

    kind: str
    place: Place

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
