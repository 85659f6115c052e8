"""``field``: neurons with K synapses anywhere on the grid they read (runtime/network/kinds/field.py)."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.structure import FieldSpec
from train.layers.base import Place
from train.layers.boxes import load_synapses, new_synapses
from train.layers.synapse_layer import SynapseLayer


class Field(SynapseLayer):
    kind = "field"

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

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        (top, left), (height, width) = self.synapses.origin, self.synapses.window
        maps = x.view(len(x), self.synapses.channels, *self.synapses.area)
        return functional.linear(maps[:, :, top : top + height, left : left + width].flatten(1), weight.flatten(1))

    def options(self) -> dict[str, Any]:
        return {"rule": self.synapses.rule, "grid": list(self.synapses.area), "channels": self.synapses.channels}


def _spec(place: Place) -> FieldSpec:
    if not isinstance(place.spec, FieldSpec):
        raise InputError(f"a field layer cannot be made from settings of kind '{place.spec.kind}'.")
    return place.spec


LAYER = Field
