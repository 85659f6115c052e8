"""``replicated``: prototypes of box synapses repeated over the grid, then max-pooled (runtime/kinds/replicated.py): a convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from runtime.kinds.replicated import geometry
from runtime.network import Layer
from train.config import TrainConfig
from train.geometry import kernel_of, padding_of
from train.layers.base import Place
from train.layers.boxes import Synapses, load_synapses, new_synapses
from train.layers.synapse_layer import SynapseLayer
from train.structure import ReplicatedSpec

Pair = tuple[int, int]


class Replicated(SynapseLayer):
    kind = "replicated"

    def __init__(self, place: Place, config: TrainConfig, synapses: Synapses, stride: Pair, padding: Pair, pool: Pair) -> None:
        super().__init__(place, config, synapses)
        self.stride, self.padding, self.pool = stride, padding, pool

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> Replicated:
        spec = _spec(place)
        flat = [size == 1 for size in place.maps[1:]]
        stride, pool = ((1 if flat[0] else n, 1 if flat[1] else n) for n in (spec.stride, spec.pool))
        synapses = new_synapses(spec.prototypes, spec, "box", kernel_of(spec, place.maps), 0, place, spread=False)
        return cls(place, config, synapses, stride, padding_of(spec, place.maps), pool)

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Replicated:
        g = geometry(layer)
        return cls(place, config, load_synapses(layer, _spec(place), g["kernel"], 0, place), g["stride"], g["padding"], g["pool"])

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        maps = functional.conv2d(x.view(len(x), *self.place.maps), weight, stride=self.stride, padding=self.padding)
        return largest(maps, self.pool).flatten(1)

    def options(self) -> dict[str, Any]:
        return {
            "rule": "box",
            "grid": list(self.place.maps[1:]),
            "channels": self.place.maps[0],
            "kernel": list(self.synapses.area),
            "stride": list(self.stride),
            "padding": list(self.padding),
            "pool": list(self.pool),
        }


def largest(maps: Tensor, pool: Pair) -> Tensor:
    """Max pooling; windows at the lower and right border may be smaller. Four strided views are much faster than torch's own for 2 x 2."""
    if pool == (1, 1):
        return maps
    if pool == (2, 2) and maps.shape[2] % 2 == 0 and maps.shape[3] % 2 == 0:
        top = torch.maximum(maps[..., 0::2, 0::2], maps[..., 0::2, 1::2])
        return torch.maximum(top, torch.maximum(maps[..., 1::2, 0::2], maps[..., 1::2, 1::2]))
    return functional.max_pool2d(maps, pool, ceil_mode=True)


def _spec(place: Place) -> ReplicatedSpec:
    if not isinstance(place.spec, ReplicatedSpec):
        raise InputError(f"a replicated layer cannot be made from settings of kind '{place.spec.kind}'.")
    return place.spec


LAYER = Replicated
