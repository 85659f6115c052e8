"""``field``: neurons with K synapses anywhere on the grid they read (runtime/kinds/field.py)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional

from devices.errors import InputError
from runtime.network import Layer
from train.config import TrainConfig
from train.layers.base import Place, Role, WeightedLayer
from train.layers.boxes import Synapses, load_synapses, new_synapses, softness_at
from train.structure import FieldSpec


class Field(WeightedLayer):
    kind = "field"
    values_name = "charge"
    sums_limited = True

    def __init__(self, place: Place, config: TrainConfig, synapses: Synapses) -> None:
        super().__init__()
        self.place, self.config, self.synapses = place, config, synapses

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> Field:
        spec, area = _spec(place), place.maps[1:]
        inner = [size - 2 * spec.crop for size in area if size > 1]
        if inner and min(inner) < 1:
            raise InputError(f"crop is {spec.crop}, which leaves nothing of a grid of {area[0]} x {area[1]} cells. Allowed: less than half a side.")
        return cls(place, config, new_synapses(place.outputs, spec, spec.rule, area, spec.crop, place, spread=True))

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Field:
        area = (int(layer.options["grid"][0]), int(layer.options["grid"][1]))
        return cls(place, config, load_synapses(layer, _spec(place), area, 0, place))

    @property
    def values(self) -> nn.Parameter:  # type: ignore[override]
        return self.synapses.charge

    @property
    def bias(self) -> nn.Parameter:  # type: ignore[override]
        return self.synapses.bias

    def weight_of(self, values: Tensor) -> Tensor:
        return self.synapses.weights(values)

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        (top, left), (height, width) = self.synapses.origin, self.synapses.window
        maps = x.view(len(x), self.synapses.channels, *self.synapses.area)
        return functional.linear(maps[:, :, top : top + height, left : left + width].flatten(1), weight.flatten(1))

    def roles(self) -> Iterator[Role]:
        yield from synapse_roles(self.synapses, self.place)

    def anneal(self, progress: float) -> None:
        self.synapses.softness = softness_at(self.config, progress)

    def hold(self) -> None:
        self.synapses.hold()

    def settle(self) -> None:
        self.synapses.settle()

    def export(self, name: str, activation: str) -> Layer:
        options = {"rule": self.synapses.rule, "grid": list(self.synapses.area), "channels": self.synapses.channels}
        return Layer(name, self.kind, self.place.inputs, self.place.outputs, activation, self.synapses.arrays(), options)


def synapse_roles(synapses: Synapses, place: Place) -> Iterator[Role]:
    """The parameters of synapses; a step of a reach is relative to it."""
    yield Role("position", synapses.position, 1.0)
    yield Role("position", synapses.log_reach, 1.0)
    yield Role("charge", synapses.charge, 1 / place.signal)
    yield Role("weight", synapses.bias, 1.0)


def _spec(place: Place) -> FieldSpec:
    if not isinstance(place.spec, FieldSpec):
        raise InputError(f"a field layer cannot be made from settings of kind '{place.spec.kind}'.")
    return place.spec


LAYER = Field
