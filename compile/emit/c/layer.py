"""One layer as C: its constant arrays, and the call of its kernel.

What the kernels need not do at run time is done here:
- the zero point of the network's input is folded into the first layer's biases, b'_j = b_j - z * sum_i w_ji, unless its format takes it off,
- the rounding term 2**(s_j - 1) into the biases of neurons whose sums are shifted,
- one shift byte stands for a layer whose neurons all have the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compile.emit.common.templates import rows
from compile.formats import Format, format_named
from compile.formats.base import ARRAY_TYPES, folded_bias, pack_bias, pack_wide, requantises
from devices.errors import CheckError, InputError
from runtime.network.kinds import kind_of
from runtime.network.law import ACCUMULATOR_MAX, accumulator_bound
from runtime.network.network import Array, Layer, Network


@dataclass(frozen=True)
class CArray:
    """A constant array of the model."""

    name: str
    type: str
    values: Array

    @property
    def length(self) -> int:
        return max(1, self.values.size)  # C has no empty arrays

    @property
    def bytes(self) -> int:
        return self.length * self.values.itemsize

    @property
    def rows(self) -> str:
        return rows(self.values if self.values.size else np.zeros(1, self.values.dtype))


@dataclass(frozen=True)
class CLayer:
    """What the templates say about one layer."""

    index: int
    comment: str
    hidden: bool
    kernel: str
    arguments: list[str]
    arrays: list[CArray]
    input: str
    output: str
    scratch: tuple[str, int, int] | None  # C type, length and bytes of the array its kernel works in


def c_layer(network: Network, index: int, layer: Layer, source: str, target: str) -> CLayer:
    """The layer ``index``, which reads the C expression ``source`` and writes to ``target``; the scores of kernels that end in _scores go to ``scores``."""
    item = format_named(layer.store or "")
    hidden = requantises(layer)
    weights = kind_of(layer).integer_weights(layer)
    arrays = [CArray(name, ARRAY_TYPES[value.dtype.name], value) for name, value in item.encode_layer(layer).arrays.items()]
    bias = _bias(network, index, layer, item, weights)
    packed = None
    if hidden and item.packed:
        packing = packed_layers(network, item.name)
        packed = packed_biases(packing, item)[[one is layer for one in packing].index(True)]
    arrays.append(CArray("bias", "int32_t", bias) if packed is None else CArray("bias", ARRAY_TYPES[packed.dtype.name], packed))
    names = [f"nearwire_layer_{index}_{array.name}" for array in arrays]
    scratch, first = scratch_of(item, layer), item.first_input(layer)
    alike = [other for other in network.layers if other.store == item.name]
    sizes = [f"{size}u" for size in item.sizes_among(layer, alike, network.input.cut if index == 0 else 0)]
    if scratch:
        sizes.append(f"nearwire_layer_{index}_scratch")
    spikes = layer.activation == "lif"  # its kernel is called by a function that has no parameters of these names
    start = source if spikes else "input"
    arguments = [f"{start} + {first}" if first else start, *sizes, *names, f"{len(bias)}u"]
    if spikes:
        arguments.append(target)
        if "shift" in layer.arrays:
            arrays.append(_shift_array(layer))
    elif packed is not None:
        arguments.append("output")
    elif hidden:
        arrays.append(_shift_array(layer))
        arguments += [f"nearwire_layer_{index}_shift", "0u" if arrays[-1].length < len(bias) else "1u", "output"]
    else:
        arguments.append("scores")
    what = f"{layer.inputs} -> {layer.outputs}, {np.count_nonzero(weights)} non-zero weights, {item.name}: {item.description}"
    return CLayer(
        index=index,
        comment=f"{what}, {sum(array.bytes for array in arrays)} bytes",
        hidden=hidden,
        kernel=f"nearwire_{item.name}" + ("" if hidden else "_scores"),
        arguments=arguments,
        arrays=arrays,
        input=source,
        output=target,
        scratch=scratch,
    )


def _shift_array(layer: Layer) -> CArray:
    """One byte a neuron, or one for all."""
    shift = layer.arrays["shift"]
    return CArray("shift", "uint8_t", shift[:1] if (shift == shift[0]).all() else shift)


def cuts_first(network: Network) -> bool:
    """Whether a step of its own drops the input's low bits: not where the first layer's kernel does."""
    return bool(network.input.cut) and not format_named(network.layers[0].store or "").cuts


def scratch_of(item: Format, layer: Layer) -> tuple[str, int, int] | None:
    """The array that the kernel works in, its length rounded up to whole words."""
    array = item.scratch(layer)
    if array is None:
        return None
    kind, length, size = array
    return kind, item.scratch_bytes(layer) // (size // length), item.scratch_bytes(layer)


def _bias(network: Network, index: int, layer: Layer, item: Format, weights: Array) -> Array:
    """(int32) The bias of every row of ``weights`` as the kernel takes it (``folded_bias``); CheckError if a sum could leave int32."""
    zero_point, maximum = (network.input.zero_point, network.input.maximum) if index == 0 else (0, 255)
    rounding = np.int64(1) << (layer.arrays["shift"].astype(np.int64) - 1) if "shift" in layer.arrays else np.zeros(1, np.int64)
    bound = accumulator_bound(weights, layer.arrays["bias"], zero_point, maximum) + int(np.max(rounding))
    if bound > ACCUMULATOR_MAX:
        raise CheckError(f"layer '{layer.name}': sums up to {bound} do not fit int32 ({ACCUMULATOR_MAX}). Prune the layer or give it fewer inputs.")
    return np.asarray(folded_bias(layer, item.folds_zero), np.int32)


def packed_biases(layers: Sequence[Layer], item: Format) -> list[Array]:
    """Bias and shift of every hidden neuron of the layers that one packed format stores: uint16 words, or uint32 if some bias needs them; all alike."""
    narrow = [pack_bias(folded_bias(layer, item.folds_zero), layer.arrays["shift"]) for layer in layers]
    if all(words is not None for words in narrow):
        return [words for words in narrow if words is not None]
    wide = [pack_wide(folded_bias(layer, item.folds_zero), layer.arrays["shift"]) for layer in layers]
    if refusals := [layer.name for layer, words in zip(layers, wide, strict=True) if words is None]:
        raise InputError(f"layer '{refusals[0]}' cannot be written as '{item.name}': a bias does not fit 28 bits. Take another format, or 'auto'.")
    return [words for words in wide if words is not None]


def packed_layers(network: Network, store: str) -> list[Layer]:
    """The hidden layers of a network whose bias and shift share a word of the kernel ``store``."""
    return [layer for layer in network.layers if layer.store == store and requantises(layer)]
