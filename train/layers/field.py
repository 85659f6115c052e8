"""``field``: neurons with K synapses anywhere on the grid they read (runtime/network/kinds/field.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field as Limits
from pydantic import field_validator
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from runtime.network.kinds.boxes import RULES
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.kinds import NeuronSpec, Structure
from train.layers.base import Place
from train.layers.boxes import BoxSpec, load_synapses, new_synapses
from train.layers.synapse_layer import SynapseLayer

USUAL = {"rule": "box", "hidden": (128,), "head": "dense", "rate": 0.03, "rates": {"weight": 0.33}, "schedule": "warm-cosine", "quantise": {}}


class FieldSpec(BoxSpec, NeuronSpec):
    """Neurons with synapses anywhere on the grid."""

    kind: Literal["field"] = "field"
    """Which of the kinds of layers."""
    rule: str = "box"
    """See runtime/network/kinds/boxes.py."""
    crop: Annotated[int, Limits(ge=0)] = 0
    """Outer cells, on every side of more than one cell, that no box may cover."""

    behind: ClassVar[str | None] = "dense"  # it reads a grid, and hands on none

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str) -> str:
        if value not in RULES:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(RULES))}")
        return value

    @classmethod
    def usual(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return USUAL if values.get("rule", "box") == "box" else {**USUAL, "quantise": None}  # charges alone carry the weight of a box

    @classmethod
    def of(cls, config: Structure, outputs: int | None, kinds: Sequence[str]) -> Self:
        return cls(outputs=outputs, rule=config.rule, synapses=config.synapses)

    @classmethod
    def of_layer(cls, layer: Layer) -> Self:
        height, width = layer.options["grid"]
        return cls(outputs=layer.outputs, grid=(int(height), int(width)), rule=str(layer.options["rule"]))


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
        return functional.linear(self.maps(x)[:, :, top : top + height, left : left + width].flatten(1), weight.flatten(1))

    def options(self) -> dict[str, Any]:
        return {"rule": self.synapses.rule, "grid": list(self.synapses.area), "channels": self.synapses.channels, **self.order()}


def _spec(place: Place) -> FieldSpec:
    if not isinstance(place.spec, FieldSpec):
        raise InputError(f"a field layer cannot be made from settings of kind '{place.spec.kind}'.")
    return place.spec


SPEC, LAYER = FieldSpec, Field
