"""What every layer kind answers, in its float form (stages trained .. pruned) and its integer form (quantised, stored)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.network.law import SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX, accumulate
from runtime.network.network import Array, Layer


@dataclass(frozen=True)
class ArraySpec:
    """One named array of a kind: its numpy dtype, its shape (sizes by name), its unit, and whether a layer may lack it."""

    dtype: str
    shape: tuple[str, ...]  # of 'inputs', 'outputs' or a free name that must agree between the arrays
    unit: str
    optional: bool = False


class Kind(ABC):
    """A layer kind. ``float_arrays`` and ``integer_arrays`` document and validate the arrays of the two forms."""

    name: str
    matrix = True  # whether a layer is one product with its weight matrix; False: its sums are its own (convolution, pooling)
    float_arrays: dict[str, ArraySpec]
    integer_arrays: dict[str, ArraySpec]

    @abstractmethod
    def parameters(self, layer: Layer) -> int:
        """Number of learned parameters of a float-form layer, shared positions counted once (with the layer that owns them)."""

    @abstractmethod
    def weights(self, layer: Layer) -> Array:
        """(outputs, inputs) float32: the weight matrix of a float-form layer, pruned connections zero. Not ``matrix``: one row a prototype."""

    @abstractmethod
    def integer_weights(self, layer: Layer) -> Array:
        """(outputs, inputs) int8 in -63..63: the weight matrix of an integer-form layer; every storage format decodes to it."""

    def integer_sums(self, layer: Layer) -> Callable[[Array, int], Array]:
        """A function of (n, inputs) bytes and their zero point that returns the (n, sums) int64 accumulators, one an output unless ``pooled`` says otherwise."""
        weights, bias = self.integer_weights(layer), layer.arrays["bias"]
        return lambda values, zero_point: accumulate(weights, bias, values, zero_point)

    def float_sums(self, layer: Layer) -> Callable[[Array], Array]:
        """A function of (n, inputs) real values that returns the (n, sums) real sums before the activation."""
        weights, bias = self.weights(layer), layer.arrays["bias"]
        return lambda values: values @ weights.T + bias

    def shifts(self, layer: Layer) -> Array:
        """uint8, one a sum of a hidden integer layer: its shift."""
        return layer.arrays["shift"]

    def pooled(self, layer: Layer, values: Array) -> Array:
        """(n, outputs) of the (n, sums) activations, bytes or real values: what the layer hands on. Most kinds hand on all as it is."""
        return values

    def check_options(self, layer: Layer, integer: bool, where: str) -> None:  # noqa: B027 (a kind without options needs none)
        """InputError if an option of the layer is missing or out of its range."""

    def check(self, layer: Layer, integer: bool, where: str) -> None:
        """InputError naming the layer, the array, what was found and what is allowed."""
        specs = self.integer_arrays if integer else self.float_arrays
        at = f"{where}: {self.name} layer '{layer.name}'"
        unknown = set(layer.arrays) - set(specs)
        if unknown:
            raise InputError(f"{at} has unknown arrays {sorted(unknown)}. Known: {sorted(specs)}.")
        sizes = {"inputs": layer.inputs, "outputs": layer.outputs}
        if layer.inputs < 1 or layer.outputs < 1:
            raise InputError(f"{at} has {layer.inputs} inputs and {layer.outputs} outputs; both must be at least 1.")
        for name, spec in specs.items():
            if name not in layer.arrays:
                if spec.optional:
                    continue
                raise InputError(f"{at} lacks the array '{name}' {spec.shape} of {spec.dtype} ({spec.unit}).")
            value = layer.arrays[name]
            if value.dtype != np.dtype(spec.dtype):
                raise InputError(f"{at}: array '{name}' is {value.dtype}; it must be {spec.dtype}.")
            expected = tuple(sizes.setdefault(size, n) for size, n in zip(spec.shape, value.shape, strict=False))
            if value.ndim != len(spec.shape) or value.shape != expected:
                raise InputError(f"{at}: array '{name}' has shape {value.shape}; it must be {spec.shape} = {expected}.")
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise InputError(f"{at}: array '{name}' holds NaN or infinity. The training diverged; lower the learning rate.")
        if integer:
            self._check_integers(layer, at)
        self.check_options(layer, integer, at)

    def _check_integers(self, layer: Layer, at: str) -> None:
        shift = layer.arrays.get("shift")
        if layer.activation != "lif" and (shift is None) != (layer.activation == "none"):  # of spiking layers: runtime/network/spiking/integers.py
            raise InputError(f"{at}: a 'shift' array is there exactly when the layer has an activation; activation is '{layer.activation}'.")
        if shift is not None and (shift.min() < SHIFT_MIN or shift.max() > SHIFT_MAX):
            raise InputError(f"{at}: shifts {shift.min()}..{shift.max()} are outside {SHIFT_MIN}..{SHIFT_MAX}.")
        if np.abs(self.integer_weights(layer).astype(np.int32)).max(initial=0) > WEIGHT_MAX:
            raise InputError(f"{at}: a weight is outside -{WEIGHT_MAX}..{WEIGHT_MAX}.")
