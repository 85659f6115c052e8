"""What every layer kind answers, in its float form (stages trained .. pruned) and its integer form (quantised, stored)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

import numpy as np

from devices.errors import InputError
from runtime.network.kinds.convolution import Convolution
from runtime.network.kinds.options import FLOAT_OPTIONS, INTEGER_OPTIONS, OptionSpec, check_options
from runtime.network.law import SHIFT_MAX, SHIFT_MIN, WEIGHT_MAX, accumulate
from runtime.network.network import Array, Layer
from runtime.network.schema import WEIGHTS_MAX, WIDTH_MAX

ARRAY_MAX = 1e15  # of a number in a float array: its square fits float32, and so do sums of them
TILE = 2**21  # weights of a matrix that is made a part at a time: large enough for the products, small enough for a cache

Maps = tuple[int, int, int]  # (channels, height, width)


@dataclass(frozen=True)
class ArraySpec:
    """One named array of a kind: its numpy dtype (or several, with | between), its shape (sizes by name), its unit, and whether a layer may lack it."""

    dtype: str
    shape: tuple[str, ...]  # of 'inputs', 'outputs' or a free name that must agree between the arrays
    unit: str
    optional: bool = False


def kept_with_layer(method: Callable[[Any, Layer], Array]) -> Callable[[Any, Layer], Array]:
    """A method of a kind that computes an array of a layer: once for each layer object, then from where the layer keeps it. It must not be written to."""

    @wraps(method)
    def computed(kind: Any, layer: Layer) -> Array:
        if method.__name__ not in layer.computed:
            layer.computed[method.__name__] = method(kind, layer)
        return cast(Array, layer.computed[method.__name__])

    return computed


class Kind(ABC):
    """A layer kind. ``float_arrays`` and ``integer_arrays`` document and validate the arrays of the two forms, ``float_options`` and
    ``integer_options`` the options that only this kind has.

    Its traits, from ``matrix`` to ``products``, are what everything else asks instead of the kind's name. Their defaults are those of a layer
    that is a matrix of weights and nothing more, so a new kind states only what it is beyond that.
    """

    name: str
    matrix = True  # whether a layer is one product with its weight matrix; False: its sums are its own (convolution, pooling)
    spikes = True  # whether its neurons may be leaky integrate-and-fire ones
    pruning: tuple[str, ...] = ()  # ways in which its connections can be cut: 'none' (one by one), 'block4' (compile/passes/prune.py)
    rules: tuple[str, ...] = ()  # wiring rules that its option ``rule`` may name; empty: it has none
    positioned = False  # whether neurons of both sides have positions (arrays 'sender', 'receiver'), which layers may share (option 'tied')
    synapses = False  # whether neurons have few synapses with 'position', 'reach' and 'charge' over an area of cells (boxes.py)
    float_arrays: dict[str, ArraySpec]
    integer_arrays: dict[str, ArraySpec]
    float_options: dict[str, OptionSpec] = {}
    integer_options: dict[str, OptionSpec] = {}

    @abstractmethod
    def parameters(self, layer: Layer) -> int:
        """Number of learned parameters of a float-form layer, shared positions counted once (with the layer that owns them)."""

    @abstractmethod
    def weights(self, layer: Layer) -> Array:
        """(outputs, inputs) float32: the weight matrix of a float-form layer, pruned connections zero. Not ``matrix``: one row a prototype."""

    @abstractmethod
    def integer_weights(self, layer: Layer) -> Array:
        """(outputs, inputs) int8 in -63..63: the weight matrix of an integer-form layer; every storage format decodes to it."""

    def integer_tiles(self, layer: Layer) -> Iterator[Array]:
        """The rows of ``integer_weights`` from the first to the last, a few at a time where the whole would need far more memory than the file."""
        yield self.integer_weights(layer)

    def largest_weight(self, layer: Layer) -> int:
        """The largest |w| of ``integer_weights``, or a bound on it within the law."""
        return max(max(int(tile.max()), -int(tile.min())) for tile in self.integer_tiles(layer))

    def sizes(self, layer: Layer) -> dict[str, int]:
        """What the names in the shapes of the arrays stand for, as far as the layer's header says."""
        return {"inputs": layer.inputs, "outputs": layer.outputs}

    def weight_count(self, layer: Layer) -> int:
        """Weights of the matrix that the layer stands for; not ``matrix``: of its prototypes."""
        return layer.inputs * layer.outputs

    def sample_values(self, layer: Layer) -> int:
        """Values that one sample becomes while the layer computes, at most: what a batch's memory is counted in."""
        return max(layer.inputs, layer.outputs)

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

    def boxes(self, layer: Layer) -> bool:
        """Whether an integer layer is held as rectangles, arrays 'edges' and 'charge', instead of weights or positions."""
        return False

    def convolution(self, layer: Layer) -> Convolution | None:
        """The geometry of a layer whose rows of weights are repeated over a grid; None for any other."""
        return None

    def input_maps(self, layer: Layer) -> Maps | None:
        """The grid that a layer reads; None where it reads a list of values."""
        return None

    def output_maps(self, layer: Layer) -> Maps | None:
        """The grid that a layer hands on; None where that is a list of values."""
        return None

    def mask(self, layer: Layer) -> Array:
        """(inputs,) float32 in [-1, 1]: what every sender's value is multiplied by, besides its weights."""
        return np.ones(layer.inputs, np.float32)

    def products(self, layer: Layer) -> int:
        """Multiplications of one inference in the reference interpreter."""
        return layer.inputs * layer.outputs

    def check_geometry(self, layer: Layer, integer: bool, where: str) -> None:  # noqa: B027 (most kinds need none)
        """InputError if options, each within its range, do not fit each other or the layer's inputs and outputs."""

    def check_values(self, layer: Layer, integer: bool, where: str) -> None:  # noqa: B027 (most kinds need none)
        """InputError if arrays of the right shapes and types do not fit each other or the options."""

    def check_header(self, layer: Layer, integer: bool, where: str) -> None:
        """InputError naming the layer and what is wrong of all that is known before its arrays are: sizes and options."""
        at = f"{where}: {self.name} layer '{layer.name}'"
        if not 1 <= layer.inputs <= WIDTH_MAX or not 1 <= layer.outputs <= WIDTH_MAX:
            raise InputError(f"{at} has {layer.inputs} inputs and {layer.outputs} outputs; both must be 1 to {WIDTH_MAX:,}.")
        own, common = (self.integer_options, INTEGER_OPTIONS) if integer else (self.float_options, FLOAT_OPTIONS)
        check_options(layer, {**common, **own}, at)
        self.check_geometry(layer, integer, at)
        for count, what in ((self.weight_count(layer), "weights"), (self.sample_values(layer), "values a sample")):
            if count > WEIGHTS_MAX:
                raise InputError(f"{at} stands for {count:,} {what}; at most {WEIGHTS_MAX:,} are computed with.")

    def check(self, layer: Layer, integer: bool, where: str) -> None:
        """InputError naming the layer, the array, what was found and what is allowed."""
        self.check_header(layer, integer, where)
        specs = self.integer_arrays if integer else self.float_arrays
        at = f"{where}: {self.name} layer '{layer.name}'"
        unknown = set(layer.arrays) - set(specs)
        if unknown:
            raise InputError(f"{at} has unknown arrays {sorted(unknown)}. Known: {sorted(specs)}.")
        sizes = self.sizes(layer)
        for name, spec in specs.items():
            if name not in layer.arrays:
                if spec.optional:
                    continue
                raise InputError(f"{at} lacks the array '{name}' {spec.shape} of {spec.dtype} ({spec.unit}).")
            value = layer.arrays[name]
            if str(value.dtype) not in spec.dtype.split("|"):
                raise InputError(f"{at}: array '{name}' is {value.dtype}; it must be {spec.dtype.replace('|', ' or ')}.")
            expected = tuple(sizes.setdefault(size, n) for size, n in zip(spec.shape, value.shape, strict=False))
            if value.ndim != len(spec.shape) or value.shape != expected:
                raise InputError(f"{at}: array '{name}' has shape {value.shape}; it must be {spec.shape} = {expected}.")
            if 0 in value.shape:
                raise InputError(f"{at}: array '{name}' has shape {value.shape}; no size may be 0.")
            if value.dtype.kind == "f":
                _check_reals(value, f"{at}: array '{name}'", positive=name == "step")
        if not integer and "step" in layer.arrays and layer.activation == "relu" and "output_scale" not in layer.options:
            raise InputError(f"{at} has the array 'step' but no option 'output_scale', which its training gave with it. It is damaged.")
        self.check_values(layer, integer, at)
        if integer:
            self._check_integers(layer, at)

    def _check_integers(self, layer: Layer, at: str) -> None:
        shift = layer.arrays.get("shift")
        if layer.activation != "lif" and (shift is None) != (layer.activation == "none"):  # of spiking layers: runtime/network/spiking/integers.py
            raise InputError(f"{at}: a 'shift' array is there exactly when the layer has an activation; activation is '{layer.activation}'.")
        if shift is not None and (shift.min() < SHIFT_MIN or shift.max() > SHIFT_MAX):
            raise InputError(f"{at}: shifts {shift.min()}..{shift.max()} are outside {SHIFT_MIN}..{SHIFT_MAX}.")
        try:
            largest = self.largest_weight(layer)
        except InputError as error:
            raise InputError(f"{at}: {error}") from error
        if largest > WEIGHT_MAX:
            raise InputError(f"{at}: a weight is outside -{WEIGHT_MAX}..{WEIGHT_MAX}.")


def _check_reals(value: Array, what: str, positive: bool) -> None:
    """InputError unless every number is one that can be computed with."""
    low, high = float(value.min()), float(value.max())
    if not (np.isfinite(low) and np.isfinite(high)):  # NaN is the minimum of whatever it is in
        raise InputError(f"{what} holds NaN or infinity. The training diverged; lower the learning rate.")
    if max(-low, high) > ARRAY_MAX:
        raise InputError(
            f"{what} holds {low:g} to {high:g}; allowed: -{ARRAY_MAX:g} to {ARRAY_MAX:g}. The training diverged; lower the learning rate."
        )
    if positive and not low > 1 / ARRAY_MAX:
        raise InputError(f"{what} holds {low:g}; allowed: above {1 / ARRAY_MAX:g}. It is damaged; train again.")
