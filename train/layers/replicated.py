"""``replicated``: prototypes of box synapses repeated over the grid, then pooled (runtime/network/kinds/replicated.py): a convolution."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from runtime.network.kinds.base import Maps
from runtime.network.kinds.convolution import Pair
from runtime.network.kinds.replicated import MEAN_SIDES, geometry
from runtime.network.network import Layer
from train.config import TrainConfig
from train.config.kinds import Cells
from train.layers.base import Place
from train.layers.boxes import BoxSpec, Synapses, load_synapses, new_synapses
from train.layers.synapse_layer import SynapseLayer


class ReplicatedSpec(BoxSpec):
    """Prototypes repeated over the grid."""

    kind: Literal["replicated"] = "replicated"
    """Which of the kinds of layers."""
    prototypes: Annotated[int, Field(ge=1, le=256)]
    """Neurons that are repeated over the grid, each a map of outputs."""
    kernel: Cells = 5
    """Side of the square a prototype's boxes lie in."""
    stride: Cells = 1
    """Cells from one place of a prototype to the next."""
    padding: Annotated[int, Field(ge=0, le=255)] | None = None
    """Zeros around the grid; None: half the kernel."""
    pool: Cells = 1
    """Side of the squares of positions that become one value."""
    pooling: Literal["max", "average"] = "max"
    """Which: the largest, or the mean of the activations."""

    named: ClassVar[bool] = False

    @model_validator(mode="after")
    def _whole_shift(self) -> ReplicatedSpec:
        if self.pooling == "average" and self.pool not in MEAN_SIDES:
            raise ValueError(f"a mean is taken over squares of side {', '.join(map(str, MEAN_SIDES))}, not {self.pool}")
        return self

    @classmethod
    def of_layer(cls, layer: Layer) -> Self:
        height, width = layer.options["grid"]
        return cls(grid=(int(height), int(width)), prototypes=len(layer.arrays["bias"]))

    def leaves(self, maps: Maps, outputs: int | None, k: int) -> Maps:
        rows = []
        for size, pad, kernel in zip(maps[1:], self.padding_over(maps), self.kernel_over(maps), strict=True):
            if kernel > size or pad >= kernel:
                raise InputError(
                    f"layers.{k}: a kernel of {self.kernel} cells with padding {pad} does not fit a grid of {maps[1]} x {maps[2]} cells. "
                    f"Allowed: a kernel of at most {size} cells there, and a padding below the kernel."
                )
            stride = self.stride if size > 1 else 1
            rows.append(-(-((size + 2 * pad - kernel) // stride + 1) // (self.pool if size > 1 else 1)))
        return self.prototypes, rows[0], rows[1]

    def kernel_over(self, maps: Maps) -> Pair:
        """(height, width) of the kernel: along an axis of one cell it is 1."""
        return (self.kernel if maps[1] > 1 else 1), (self.kernel if maps[2] > 1 else 1)

    def padding_over(self, maps: Maps) -> Pair:
        """(vertical, horizontal) cells of zeros on each side: half the kernel unless the entry says otherwise."""
        pad = self.kernel // 2 if self.padding is None else self.padding
        return (pad if maps[1] > 1 else 0), (pad if maps[2] > 1 else 0)


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
        synapses = new_synapses(spec.prototypes, spec, "box", spec.kernel_over(place.maps), 0, place, spread=False)
        return cls(place, config, synapses, stride, spec.padding_over(place.maps), pool, spec.pooling)

    @classmethod
    def load(cls, layer: Layer, place: Place, config: TrainConfig) -> Replicated:
        g = geometry(layer)
        synapses = load_synapses(layer, _spec(place), g["kernel"], 0, place)
        return cls(place, config, synapses, g["stride"], g["padding"], g["pool"], str(layer.options.get("pooling", "max")))

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        maps = functional.conv2d(self.maps(x), weight, stride=self.stride, padding=self.padding)
        return (maps if self.averages else largest(maps, self.pool)).flatten(1)

    def sums(self) -> int:
        return len(self.bias) * math.prod(self.positions) if self.averages else self.place.outputs

    def pooled(self, x: Tensor, integers: bool = False) -> Tensor:
        if not self.averages:
            return x
        means = mean(x.view(len(x), -1, *self.positions), self.pool).flatten(1)
        return means + ((means + 0.5).floor() - means).detach() if integers else means

    def options(self) -> dict[str, Any]:
        return {
            "rule": "box",
            "grid": list(self.place.maps[1:]),
            "channels": self.place.maps[0],
            **self.order(),
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


SPEC, LAYER = ReplicatedSpec, Replicated
