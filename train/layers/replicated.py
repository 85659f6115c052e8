"""``replicated``: prototypes of box synapses repeated over the grid, then pooled (runtime/network/kinds/replicated.py): a convolution."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from runtime.network.kinds.replicated import geometry
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.structure import ReplicatedSpec
from train.layers.base import Place
from train.layers.boxes import Synapses, load_synapses, new_synapses
from train.layers.geometry import kernel_of, padding_of
from train.layers.synapse_layer import SynapseLayer

Pair = tuple[int, int]


class Replicated(SynapseLayer):
    kind = "replicated"

    def __init__(self, place: Place, config: TrainConfig, synapses: Synapses, stride: Pair, padding: Pair, pool: Pair, pooling: str) -> None:
        super().__init__(place, config, synapses)
        self.stride, self.padding, self.pool = stride, padding, pool
        self.averages = pooling == "average" and pool != (1, 1)
        self.positions = [
            (size + 2 * pad - kernel) // step + 1 for size, pad, kernel, step in zip(place.maps[1:], padding, synapses.area, stride, strict=True)
        ]

    @classmethod
    def create(cls, place: Place, config: TrainConfig) -> Replicated:
        spec = _spec(place)
        flat = [size == 1 for size in place.maps[1:]]
        stride, pool = ((1 if flat[0] else n, 1 if flat[1] else n) for n in (spec.stride, spec.pool))
        synapses = new_synapses(spec.prototypes, spec, "box", kernel_of(spec, place.maps), 0, place, spread=False)
        return cls(place, config, synapses, stride, padding_of(spec, place.maps), pool, spec.pooling)

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Replicated:
        g = geometry(layer)
        synapses = load_synapses(layer, _spec(place), g["kernel"], 0, place)
        return cls(place, config, synapses, g["stride"], g["padding"], g["pool"], str(layer.options.get("pooling", "max")))

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        maps = functional.conv2d(x.view(len(x), *self.place.maps), weight, stride=self.stride, padding=self.padding)
        return (maps if self.averages else largest(maps, self.pool)).flatten(1)

    def sums(self) -> int:
        return len(self.bias) * math.prod(self.positions) if self.averages else self.place.outputs

    def pooled(self, x: Tensor, integers: bool = False) -> Tensor:
        if not self.averages:
            return x
        found = mean(x.view(len(x), -1, *self.positions), self.pool).flatten(1)
        return found + ((found + 0.5).floor() - found).detach() if integers else found

    def options(self) -> dict[str, Any]:
        return {
            "rule": "box",
            "grid": list(self.place.maps[1:]),
            "channels": self.place.maps[0],
            "kernel": list(self.synapses.area),
            "stride": list(self.stride),
            "padding": list(self.padding),
            "pool": list(self.pool),
            **({"pooling": "average"} if self.averages else {}),
        }


def largest(maps: Tensor, pool: Pair) -> Tensor:
    """Max pooling; windows at the lower and right border may be smaller. Four strided views are much faster than torch's own for 2 x 2."""
    if pool == (1, 1):
        return maps
    if pool == (2, 2) and maps.shape[2] % 2 == 0 and maps.shape[3] % 2 == 0:
        top = torch.maximum(maps[..., 0::2, 0::2], maps[..., 0::2, 1::2])
        return torch.maximum(top, torch.maximum(maps[..., 1::2, 0::2], maps[..., 1::2, 1::2]))
    return functional.max_pool2d(maps, pool, ceil_mode=True)


def mean(maps: Tensor, pool: Pair) -> Tensor:
    """Average pooling; positions that a window at the lower or right border lacks count as 0."""
    return functional.avg_pool2d(maps, pool, ceil_mode=True, divisor_override=pool[0] * pool[1])


def _spec(place: Place) -> ReplicatedSpec:
    if not isinstance(place.spec, ReplicatedSpec):
        raise InputError(f"a replicated layer cannot be made from settings of kind '{place.spec.kind}'.")
    return place.spec


LAYER = Replicated
