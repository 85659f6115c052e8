"""What a storage format is: an int8 weight matrix as named constant arrays, the kernel that computes with them, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from devices.boards.board import Board
from devices.cost.model import error_percent, kernel_bytes, own, predict
from runtime.network.kinds import kind_of
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer, Network

KERNELS = Path(__file__).parents[2] / "runtime" / "kernels"
SPARSEST = 24  # FAST_SPARSEST of runtime/firmware/fast_matrix.h
ARRAY_TYPES = {"uint8": "uint8_t", "int8": "int8_t", "uint16": "uint16_t", "uint32": "uint32_t"}


@dataclass(frozen=True)
class Encoded:
    """A weight matrix in one format: the arrays in the order in which the kernel takes them."""

    arrays: Mapping[str, Array]  # name: one-dimensional, a dtype of ARRAY_TYPES
    shape: tuple[int, int]  # (outputs, inputs)

    @property
    def constants_bytes(self) -> int:
        return sum(int(value.nbytes) for value in self.arrays.values())


class Format(ABC):
    """A storage format of layers. Its kernels are ``nearwire_NAME`` (hidden layers) and ``nearwire_NAME_scores`` (the last layer, unless
    the format refuses it).

    Both are called with: input, ``sizes``, the scratch array if there is one, the encoded arrays, bias, number of biases, and then shift,
    shift step, output (``packed``: output only) or the scores. Biases and shifts are one an output, or one a prototype.
    """

    name: str
    description: str
    features_of: tuple[str, ...]  # names of the features, in the order of the board's cost table
    packed = False  # hidden neurons have bias and shift in one word of 16 or 32 bits (nearwire_requantise_packed)
    folds_zero = True  # the zero point of the network's input is in the biases; False: the kernel takes it off
    cuts = False  # the kernel itself drops the low bits of the network's input
    events = False  # the kernel is given the list of inputs that spiked, in place of the input
    needs: tuple[str, ...] = ()  # further files of runtime/kernels that the kernel calls
    folder: Path = KERNELS  # where the kernel's NAME.h and NAME.c lie
    estimate: Mapping[str, float] = {}  # coefficients of the features and code_bytes, where a board has no table [cost.NAME] of its own

    @abstractmethod
    def refuses(self, layer: Layer) -> str | None:
        """None if the format can hold the integer layer; otherwise why not."""

    @abstractmethod
    def encode_layer(self, layer: Layer) -> Encoded:
        """The constants of an integer layer's weights."""

    @abstractmethod
    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        """Exactly the int8 weights of the layer that was encoded, as its kind's ``integer_weights``."""

    @abstractmethod
    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        """What the kernel is told between the input and the arrays; ``cut`` is 0 unless the format ``cuts``."""

    def sizes_among(self, layer: Layer, alike: Sequence[Layer], cut: int) -> tuple[int, ...]:
        """``sizes_of`` where the network's other layers of the format decide what the kernel is told; ``alike``: all of them."""
        return self.sizes_of(layer, cut)

    @abstractmethod
    def layer_features(self, layer: Layer) -> dict[str, float]:
        """How often each part of the kernel runs: the features of devices.cost.model's linear instruction model."""

    def features_on(self, layer: Layer, board: Board) -> dict[str, float]:
        """The features of the board's cost table: of the vector kernels where that is a computer's, else ``layer_features``."""
        return self.computer_features(layer) if own(self.name, board) else self.layer_features(layer)

    def computer_features(self, layer: Layer) -> dict[str, float]:
        """How often each part of the vector kernel of runtime/firmware/fast.c runs."""
        return matrix_features(kind_of(layer).integer_weights(layer), requantises(layer), self.entries)

    def entries(self, weights: Array) -> int:
        """Products of the portable kernel, which computers use for very sparse matrices."""
        return weights.size

    def instructions(self, layer: Layer, board: Board) -> int:
        """Predicted executed instructions of one inference of the layer; InputError where neither the board nor the format knows coefficients."""
        return predict(self.name, self.features_on(layer, board), board, self.estimate)

    def error_percent(self, board: Board) -> float:
        """Largest error of ``instructions`` that was seen when its coefficients were fitted."""
        return error_percent(self.name, board, self.estimate)

    def code_bytes(self, board: Board) -> int:
        """Size of the kernel's code on the board."""
        return kernel_bytes(self.name, board, self.estimate)

    def first_input(self, layer: Layer) -> int:
        """Index of the first input that the kernel is given."""
        return 0

    def scratch(self, layer: Layer) -> tuple[str, int, int] | None:
        """(C type, length, bytes) of the array that the kernel works in; it must start as zeros and is never shared."""
        return None

    def scratch_bytes(self, layer: Layer) -> int:
        """Of that array, rounded up to whole words, so that arrays behind each other leave no gaps."""
        array = self.scratch(layer)
        return -(-array[2] // 4) * 4 if array else 0

    def define(self, layers: Sequence[Layer]) -> str:
        """Preprocessor lines in front of the kernel, for all layers of a network that use it."""
        return ""

    def parameter_bytes(self, layer: Layer) -> int:
        """Bytes of the biases and shifts."""
        shift = layer.arrays.get("shift")
        neurons = len(layer.arrays["bias"])
        if shift is None:
            return 4 * neurons
        if self.packed and requantises(layer):
            return 2 * neurons if fits_narrow(layer, self.folds_zero) else 4 * neurons
        return 4 * neurons + (1 if (shift == shift[0]).all() else len(shift))

    def sources(self) -> tuple[str, str]:
        """(header, source) text of the kernel."""
        return (self.folder / f"{self.name}.h").read_text(encoding="ascii"), (self.folder / f"{self.name}.c").read_text(encoding="ascii")


class MatrixFormat(Format):
    """A format that needs no more of a layer than its weight matrix."""

    weight_max: int = WEIGHT_MAX  # the largest weight, of either sign
    zeros = True  # whether a weight may be 0
    max_inputs: int = 65535  # (w + 64) * 255 summed over so many inputs fits int32; columns fit 16 bits

    def refusal(self, weights: Array) -> str | None:
        """None if the format can hold the (outputs, inputs) int8 matrix; otherwise why not."""
        limit = self.max_inputs
        return f"it holds at most {limit} inputs, the layer has {weights.shape[1]}" if weights.shape[1] > limit else None

    @abstractmethod
    def encode(self, weights: Array) -> Encoded:
        """The constants of an (outputs, inputs) int8 matrix with values in -63..63."""

    @abstractmethod
    def decode(self, encoded: Encoded) -> Array:
        """Exactly the (outputs, inputs) int8 matrix that was encoded."""

    @abstractmethod
    def sizes(self, inputs: int) -> tuple[int, ...]:
        """What the kernel is told between the input and the arrays."""

    @abstractmethod
    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        """The features of a matrix."""

    def refuses(self, layer: Layer) -> str | None:
        kind = kind_of(layer)
        return self.refusal(kind.integer_weights(layer)) if kind.matrix else "the layer is not one product with a weight matrix"

    def encode_layer(self, layer: Layer) -> Encoded:
        return self.encode(kind_of(layer).integer_weights(layer))

    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        return self.decode(encoded)

    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        return self.sizes(layer.inputs)

    def layer_features(self, layer: Layer) -> dict[str, float]:
        return self.features(kind_of(layer).integer_weights(layer), requantises(layer))


def requantises(layer: Layer) -> bool:
    """Whether the kernel turns the layer's sums into bytes; the last layer's and spiking neurons' sums leave it as they are."""
    return layer.activation == "relu"


def matrix_features(weights: Array, hidden: bool, entries: Callable[[Array], int]) -> dict[str, float]:
    """Features of any matrix on a computer, where it is expanded to a byte a weight unless fewer than one weight in 24 is not zero."""
    outputs = len(weights)
    used = int(np.flatnonzero(weights.any(axis=0)).max(initial=-1)) + 1
    expanded = used > 0 and np.count_nonzero(weights) >= outputs * used // SPARSEST
    chunks = -(-used // 16)
    return {
        "call": 1,
        "quads": expanded * -(-outputs // 4),
        "quad_chunks": expanded * -(-outputs // 4) * chunks,
        "blocks": expanded * -(-outputs // 16),
        "block_chunks": expanded * -(-outputs // 16) * chunks,
        "wide_fours": expanded * (outputs // 32 + (outputs % 32 > 8)) * -(-used // 4),
        "eight_fours": expanded * (0 < outputs % 32 <= 8) * -(-used // 4),
        "requantised": expanded * hidden * outputs,
        "portable_products": (not expanded) * entries(weights),
        "portable_outputs": (not expanded) * outputs,
    }


def pack_bias(bias: Array, shift: Array) -> Array | None:
    """(outputs,) uint16: 2048 + bias / 2**(shift - 2) in bits 4..15, shift - 2 in bits 0..3; None if a bias or shift does not fit that.

    ``bias``: with the rounding term 2**(shift - 1) in it.
    """
    s = shift.astype(np.int64) - 2
    if s.min() < 0:
        return None
    field, rest = np.divmod(bias.astype(np.int64), np.int64(1) << s)
    if rest.any() or field.min() < -2048 or field.max() > 2047:
        return None
    return np.asarray((field + 2048) << 4 | s, np.uint16)


def pack_wide(bias: Array, shift: Array) -> Array | None:
    """(outputs,) uint32: the bias in bits 4..31, signed, the shift in bits 0..3; None if a bias does not fit that. ``bias``: as ``pack_bias``."""
    values = bias.astype(np.int64)
    if values.min() < -(2**27) or values.max() >= 2**27:
        return None
    return np.asarray((values << 4 | shift.astype(np.int64)) & 0xFFFFFFFF, np.uint32)


def with_zero_point(network: Network) -> Network:
    """The network whose first layer says which byte means 0 in what it reads: formats fold it into biases, or take it off."""
    first, *others = network.layers
    zero_point = network.input.zero_point
    return network.with_layers((first.with_options(zero_point=zero_point), *others)) if zero_point else network


def zero_point_of(layer: Layer) -> int:
    """The byte that means 0 in what an integer layer reads: that of the network's input for the first layer, 0 behind it."""
    return int(layer.options.get("zero_point", 0))


def folded_bias(layer: Layer, folds_zero: bool) -> Array:
    """(rows,) int64 biases as kernels take them: with the rounding term 2**(shift - 1), and the zero point of the input unless the kernel takes it off.

    b'_j = b_j - z * sum_i w_ji + 2**(s_j - 1)
    """
    bias = layer.arrays["bias"].astype(np.int64)
    if folds_zero and zero_point_of(layer):
        bias = bias - zero_point_of(layer) * kind_of(layer).integer_weights(layer).astype(np.int64).sum(axis=1)
    if "shift" in layer.arrays:
        bias = bias + (np.int64(1) << (layer.arrays["shift"].astype(np.int64) - 1))
    return np.asarray(bias, np.int64)


def fits_narrow(layer: Layer, folds_zero: bool) -> bool:
    """Whether every hidden neuron's bias and shift fit 16 bits."""
    return pack_bias(folded_bias(layer, folds_zero), layer.arrays["shift"]) is not None


def bias_refusal(layer: Layer, folds_zero: bool = True) -> str | None:
    """None if every hidden neuron's bias and shift fit 16 or 32 bits; otherwise why not."""
    if "shift" not in layer.arrays or not requantises(layer):
        return None
    bias = folded_bias(layer, folds_zero)
    if pack_bias(bias, layer.arrays["shift"]) is not None or pack_wide(bias, layer.arrays["shift"]) is not None:
        return None
    return f"a bias of {int(bias[np.abs(bias).argmax()])} does not fit 28 bits"


def pad(weights: Array, rows: int, columns: int) -> Array:
    """(uint32) w + 64 with rows and columns filled up to multiples with zero weights (64)."""
    outputs, inputs = weights.shape
    full = np.zeros((-(-outputs // rows) * rows, -(-inputs // columns) * columns), np.int64)
    full[:outputs, :inputs] = weights
    return np.asarray(full + 64, np.uint32)


def halves(rows: Array) -> Array:
    """(..., n / 2, k) int64 in 16 bits: 256 * v + w of each pair of rows w, v of (..., n, k); nearwire_multiply_halves in the kernels."""
    return np.asarray((256 * rows[..., 1::2, :].astype(np.int64) + rows[..., ::2, :]) & 0xFFFF, np.int64)


def from_halves(packed: Array) -> Array:
    """(..., n, k) int64: the rows of ``halves``."""
    signed = ((packed.astype(np.int64) & 0xFFFF) ^ 0x8000) - 0x8000
    low = ((signed & 0xFF) ^ 0x80) - 0x80
    both = np.stack([low, (signed - low) >> 8], axis=-2)
    return np.asarray(both.reshape(*packed.shape[:-2], 2 * packed.shape[-2], packed.shape[-1]), np.int64)
