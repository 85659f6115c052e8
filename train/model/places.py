"""Every layer's place in its model: sizes, grids, and the size of the values that arrive and leave.

Input in other units than 0..1 (sensor values of +-20 g) would make a rule without a gain start far off. So a model whose first n layers are
of positions measures its lengths in ``unit = range ** (1 / (n * degree))``: with w ~ length ** -degree this undoes the range over those layers, and
since Adam's steps are relative to each parameter's unit, training runs as on input in 0..1.
"""

from __future__ import annotations

import itertools
import math

from runtime.network.kinds import KINDS, kind_of
from runtime.network.network import InputSpec, Layer
from train.config.kinds import Spec
from train.layers.base import Place, TrainLayer
from train.layers.geometry import is_last, maps_of

DEGREE = {"inverse": 1, "inverse_square": 2}  # w ~ length ** -degree; other rules have their own length


class Places:
    """Hands out each layer's place, following the size and the shape of the values through the model."""

    def __init__(self, spec: InputSpec, kinds: list[str], rule: str) -> None:
        self.spec, self.kinds = spec, kinds
        self.signal = spec.scale * 255
        self.degree = DEGREE.get(rule, 0)
        self.size = spec.size
        self.maps = maps_of(spec.shape)
        self.maximum = spec.maximum
        leading = len(list(itertools.takewhile(lambda kind: KINDS[kind].positioned, kinds)))
        self.unit = self.signal ** (1 / (leading * self.degree)) if leading and self.degree else 1.0

    def next(self, layers: list[TrainLayer], entry: Spec, outputs: int | None = None, file: Layer | None = None) -> Place:
        """The place of the next layer, new or from a network ``file``. ``outputs``: its neurons; None: its geometry says how many."""
        positioned = KINDS[entry.kind].positioned
        arriving, unit, maximum = self.signal, self.unit if positioned else 1.0, self.maximum
        size, maps = self.size, self.maps
        if file is not None:
            size = file.inputs
            maps = kind_of(file).input_maps(file) or maps
            leaving = kind_of(file).output_maps(file) or (1, 1, file.outputs)
        else:
            maps = entry.reads(maps, size, len(layers))
            leaving = entry.leaves(maps, outputs, len(layers))
        last = file.options.get("order") == "last" if file is not None else not layers and maps[0] > 1 and is_last(self.spec.shape, maps)
        self.signal = arriving / unit**self.degree if positioned else 1.0
        self.size, self.maps, self.maximum = math.prod(leaving), leaving, 255
        before = layers[-1] if layers else None
        return Place(size, self.size, before, entry, maps, maximum, self.spec.shape, arriving, self.signal, unit, last)
