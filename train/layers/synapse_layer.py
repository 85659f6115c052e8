"""What ``field`` and ``replicated`` share: a layer whose weights are those of its ``Synapses`` (train/layers/boxes.py)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from runtime.network.network import Layer
from train.config import TrainConfig
from train.layers.base import Place, Role, WeightedLayer
from train.layers.boxes import Synapses, softness_at

EPS = 0.1  # of the normalisation's variance: box sums of a quiet neuron are not to be blown up


class SynapseLayer(WeightedLayer):
    """The values are the charges. A subclass says what is summed (``product``) and how its geometry is written (``options``)."""

    values_name = "charge"
    sums_limited = True

    def __init__(self, place: Place, config: TrainConfig, synapses: Synapses) -> None:
        super().__init__()
        self.place, self.config, self.synapses = place, config, synapses

    def unquantisable(self) -> str | None:
        return None if self.synapses.rule == "box" else f"{self.kind} with rule {self.synapses.rule}"

    def normalised_with(self) -> float | None:
        return EPS

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Those of the layer in the network file."""

    @property
    def values(self) -> nn.Parameter:  # type: ignore[override]
        return self.synapses.charge

    @property
    def bias(self) -> nn.Parameter:  # type: ignore[override]
        return self.synapses.bias

    def maps(self, x: Tensor) -> Tensor:
        """(samples, channels, height, width) of (samples, inputs)."""
        channels, height, width = self.place.maps
        if self.place.last:
            return x.view(len(x), height, width, channels).permute(0, 3, 1, 2)
        return x.view(len(x), channels, height, width)

    def order(self) -> dict[str, Any]:
        """The option that tells where the channels lie, where that is not the usual."""
        return {"order": "last"} if self.place.last else {}

    def weight_of(self, values: Tensor) -> Tensor:
        return self.synapses.weights(values)

    def roles(self) -> Iterator[Role]:
        """A step of a reach is relative to it."""
        yield Role("position", self.synapses.position, 1.0)
        yield Role("position", self.synapses.log_reach, 1.0)
        yield Role("charge", self.synapses.charge, 1 / self.place.signal)
        yield Role("weight", self.synapses.bias, 1.0)

    def anneal(self, progress: float) -> None:
        self.synapses.softness = softness_at(self.config, progress)

    def hold(self) -> None:
        self.synapses.hold()

    def settle(self) -> None:
        self.synapses.settle()

    def export(self, name: str, activation: str) -> Layer:
        return Layer(name, self.kind, self.place.inputs, self.place.outputs, activation, self.synapses.arrays(), self.options())
