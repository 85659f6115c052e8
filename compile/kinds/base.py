"""What compile must know of a layer kind: how each pass treats a layer of it, and how a report weighs and draws it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compile.kinds.drawing import WEIGHTS_CAPTION, weight_fan_out, weight_strengths, weights_drawing
from devices.errors import InputError
from runtime.network.network import Array, Layer


@dataclass(frozen=True)
class IntegerWeights:
    """A layer with integer weight arrays (bias and shift still to come) and what a step is worth.

    scale_j = base * 2**-exponent_j. Hidden layers may choose exponents >= 0 per neuron, because their requantisation is a shift, so scales
    differ by powers of two; the last layer has one scale, so that its scores compare.
    """

    layer: Layer
    scale: Array  # (rows,) float64, real weight a step
    exponent: Array  # (rows,) int64


Rounder = Callable[[IntegerWeights, float], IntegerWeights]
"""(weights, real units a step of the input): the same with some of them a step up or down, for smaller errors of the layer's sums."""


class Lowering(ABC):
    """How layers of one kind, by its name, become integers and pictures. What a method does not say is that of a plain matrix of weights.

    A kind whose trait ``pruning`` is not empty (runtime/network/kinds/base.py) needs ``cut``; one that is ``positioned``, ``on_grid`` and ``space``.
    """

    name: str
    coarse_biases = False  # hidden biases are rounded to a quarter of an activation step, so that bias and shift share 16 bits in flash
    uncut = "its weights cannot be cut. Compile without --prune"  # why it cannot be pruned and what to do, where its trait ``pruning`` is empty
    caption = WEIGHTS_CAPTION  # of the map, a sentence: what is drawn

    def freeze(self, layer: Layer) -> Layer:
        """A trained layer with its soft quantities as a device holds them."""
        return layer

    def cut(self, layer: Layer, kept: Array, size: Array) -> Layer:
        """A frozen layer without its connections that are not ``kept`` (outputs, inputs); ``size``: the |weight| that chose them."""
        raise InputError(f"layer '{layer.name}' of kind '{self.name}' cannot be pruned: {self.uncut}.")

    def on_grid(self, group: Sequence[Layer], bits: int) -> list[Layer]:
        """Float layers that share positions (one alone where none does) with integer positions of ``bits`` bits."""
        return list(group)

    @abstractmethod
    def quantise(self, layer: Layer, coarser: float, exponent_max: int) -> IntegerWeights:
        """Integer weights of a float layer, its positions already on their grid. ``coarser`` >= 1 multiplies the base; ``exponent_max`` bounds the
        exponents, 0 for the last layer."""

    def rounder(self, weights: IntegerWeights, values: Array, zero_point: int, target: Array, hidden: bool) -> Rounder | None:
        """Joint rounding, for integer inputs ``values`` (n, inputs) and the float layer's sums ``target`` (n, outputs); None where the nearest step
        of each weight is as good. ``hidden``: behind a relu."""
        return None

    def strengths(self, layer: Layer) -> Array:
        """(synapses,) int64 of an integer layer, larger is stronger: (outputs * inputs,) or (neurons * synapses,), row by row."""
        return weight_strengths(layer)

    def without_weak(self, layer: Layer, least: int) -> Layer:
        """The integer layer with only the synapses of at least that strength."""
        return kept_values(layer, "weight", self.strengths(layer) >= least)

    def drawing(self, layer: Layer) -> dict[str, Any]:
        """What the map draws of an integer layer over what it reads."""
        return weights_drawing(layer)

    def space(self, layer: Layer, axes: list[list[float]]) -> dict[str, Any]:
        """What the map draws of an integer layer whose neurons have positions, among others such; ``axes`` of the view."""
        return self.drawing(layer)

    def fan_out(self, layer: Layer, senders: int) -> list[int]:
        """Connections of an integer layer, by which of the ``senders`` neurons (or prototypes) in front of it they read."""
        return weight_fan_out(layer, senders)


def kept_values(layer: Layer, name: str, kept: Array) -> Layer:
    """The layer with int8 zeros in array ``name`` where ``kept`` (values,) does not hold."""
    values = layer.arrays[name]
    return layer.with_arrays((), **{name: np.where(kept.reshape(values.shape), values, np.int8(0)).astype(np.int8)})


def power_of_two_scales(largest: Array, limit: int, coarser: float, exponent_max: int) -> tuple[Array, Array]:
    """(scale, exponent) of rows whose largest |w| are given: each the finest that keeps the row within ``limit`` steps."""
    base = max(float(largest.max()), 1e-12) / limit * coarser
    room = np.log2(base * limit / np.maximum(largest, 1e-12))
    exponent = np.clip(np.floor(room + 1e-9), 0, exponent_max).astype(np.int64)
    return base * np.exp2(-exponent), exponent


def trained_scales(layer: Layer) -> tuple[Array, Array] | None:
    """(scale, exponent) that quantisation-aware training fixed for the layer (array ``step``); None if it was trained without."""
    if "step" not in layer.arrays:
        return None
    scale = layer.arrays["step"].astype(np.float64)
    exponent = np.rint(np.log2(scale.max() / scale)).astype(np.int64)
    if not (scale > 0).all() or np.abs(scale.max() * np.exp2(-exponent) / scale - 1).max() > 1e-4:
        raise InputError(f"layer '{layer.name}': array 'step' holds values whose ratios are not powers of two. Train it again.")
    return scale.max() * np.exp2(-exponent), exponent


def untrained(layer: Layer) -> Layer:
    """The layer without what quantisation-aware training fixed, for a pass that changes what it was fixed for."""
    return layer.with_arrays(drop=("step",)).with_options(drop=("output_scale", "position_step"))
