"""The one network type of the pipeline and its one file format.

A network is a sequence of layers. Each layer has a kind (``runtime.network.kinds``), an activation, named arrays and scalar options.
`train` writes it with float positions (stage ``trained``); every compile pass takes a network and returns a network of a later
stage; a build keeps the last one. ``runtime.network.reference`` runs any of them. Its file: file.py; what it must keep to: check.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from runtime.network.front.stage import Stage
from runtime.network.spiking.constants import Spiking

STAGES = ("trained", "frozen", "pruned", "quantised", "stored")
ACTIVATIONS = ("none", "relu", "lif")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class InputSpec:
    """What the network reads: unsigned bytes u in 0..255. The first layer sees v = u >> cut, whose real value is ``step * (v - zero_point)``."""

    shape: tuple[int, ...]  # of one sample; the network sees it flattened in C order
    scale: float = 1 / 255  # real units a step of u
    zero_point: int = 0  # the byte that means 0.0; 0 where cut > 0
    cut: int = 0  # low bits that are dropped: 4 leaves a 4-bit input, which needs smaller sums

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def step(self) -> float:
        """Real units a step of v."""
        return self.scale * float(1 << self.cut)

    @property
    def maximum(self) -> int:
        """The largest v."""
        return 255 >> self.cut

    def seen(self, u: Array) -> Array:
        """Bytes (n, size) as the first layer sees them: v, (n, size) uint8."""
        return u >> self.cut if self.cut else u

    def to_real(self, u: Array) -> Array:
        """Bytes (n, size) to float32 real values (n, size)."""
        return np.asarray((self.seen(u).astype(np.float32) - self.zero_point) * np.float32(self.step), np.float32)

    def to_bytes(self, real: Array) -> Array:
        """Real values (n, size) to the nearest bytes u (n, size), saturating."""
        return np.clip(np.rint(real / self.scale) + self.zero_point, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Layer:
    """One layer: ``outputs`` neurons that each read ``inputs`` values."""

    name: str
    kind: str  # a name in runtime.network.kinds.KINDS
    inputs: int
    outputs: int
    activation: str  # a name in ACTIVATIONS
    arrays: Mapping[str, Array] = field(default_factory=dict)  # names, shapes and units: see the kind
    options: Mapping[str, Any] = field(default_factory=dict)  # JSON scalars; names and units: see the kind
    store: str | None = None  # a storage format of compile.formats once stage is 'stored'

    @cached_property
    def computed(self) -> dict[str, Any]:
        """What was computed of this layer (``kept_with_layer``), for as long as it lives; a changed copy begins with none. No part of what the layer is."""
        return {}

    def with_arrays(self, drop: tuple[str, ...] = (), **arrays: Array) -> Layer:
        kept = {name: value for name, value in self.arrays.items() if name not in drop}
        return replace(self, arrays={**kept, **arrays})

    def with_options(self, drop: tuple[str, ...] = (), **options: Any) -> Layer:
        kept = {name: value for name, value in self.options.items() if name not in drop}
        return replace(self, options={**kept, **options})


@dataclass(frozen=True)
class Network:
    """Layers in order of execution, the input they read, the classes they tell apart, and where they come from."""

    layers: tuple[Layer, ...]
    input: InputSpec
    classes: tuple[str, ...]
    stage: str = "trained"
    spiking: Spiking | None = None  # exactly where every activation is 'lif'
    front: tuple[Stage, ...] = ()  # what makes bytes of a sensor's values; empty: the network is given bytes
    provenance: Mapping[str, Any] = field(default_factory=dict)  # JSON: data set, recipe, seed, epochs, measured accuracy

    @property
    def is_integer(self) -> bool:
        return STAGES.index(self.stage) >= STAGES.index("quantised")

    def with_layers(self, layers: tuple[Layer, ...], stage: str | None = None) -> Network:
        return replace(self, layers=tuple(layers), stage=stage or self.stage)
