"""``coordinates_s8`` and ``expanded_s8``: a ``spatial`` layer as what it is made of, integer positions and a table of weights by distance.

``coordinates_s8`` computes a weight whenever its input is not zero (runtime/kernels/coordinates_s8.c): no weights in flash or RAM, 4 bytes of RAM a
neuron for its sum. ``expanded_s8`` computes all weights once, at the first inference, into RAM (a byte each), and is ``dense16_s8`` from then on.
Both hold the same bits as the formats that ship weights, because positions are quantised first (compile/kinds/spatial.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compile.formats.base import Encoded, Format, requantises
from compile.formats.dense import CHUNK
from runtime.network.kinds import kind_of
from runtime.network.kinds.spatial import Spatial
from runtime.network.law import distance_code
from runtime.network.network import Array, Layer

NO_CUTOFF = 2**32 - 1
COORDINATE_MAX = 127  # one byte
DISTANCE_MAX = 2**31
PLANE = 2  # axes that the kernel has code of its own for
INPUTS_MAX = 65535  # of dense16_s8; sums over so many fit int32


class _Positions(Format):
    """What both formats ship."""

    needs: tuple[str, ...] = ("distances",)

    def refuses(self, layer: Layer) -> str | None:
        if not kind_of(layer).positioned:
            return "the layer has no positions"
        if layer.inputs > INPUTS_MAX:
            return f"it holds at most {INPUTS_MAX} inputs, the layer has {layer.inputs}"
        largest = max(int(np.abs(layer.arrays[name].astype(np.int64)).max()) for name in ("sender", "receiver"))
        if largest > COORDINATE_MAX:
            return f"it holds coordinates of -{COORDINATE_MAX}..{COORDINATE_MAX} steps, the layer has {largest}; --bits 8 keeps to that"
        d2 = Spatial().squared_distances(layer)
        if d2.min() < 1 or d2.max() > DISTANCE_MAX:
            return f"it holds squared distances of 1..{DISTANCE_MAX} steps, the layer has {d2.min()}..{d2.max()}"
        entries = distance_code(d2, int(layer.options["mantissa_bits"])) - int(layer.options["code_base"])
        outside = ((entries < 0) | (entries >= len(layer.arrays["table"]))) & (d2 <= _cutoff(layer))
        return f"{outside.sum()} distances lie outside its table" if outside.any() else None

    def encode_layer(self, layer: Layer) -> Encoded:
        options, a = layer.options, layer.arrays
        m = int(options["mantissa_bits"])
        first = (30 * (1 << m) - int(options["code_base"])) % 2**32
        signs = np.packbits(a["sign"] < 0, bitorder="little")
        arrays: dict[str, Array] = {
            "geometry": np.array([int(options["gap2"]), _cutoff(layer), 31 - m, 1 << m, first], np.uint32),
            "senders": a["sender"].astype(np.int8).ravel(),
            "signs": signs,
            "receivers": a["receiver"].astype(np.int8).ravel(),
            "table": a["table"],
        }
        return Encoded(arrays, (layer.outputs, layer.inputs))

    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        a, axes = encoded.arrays, layer.arrays["sender"].shape[1]
        gap2, cutoff2, shift, step, first = (int(value) for value in a["geometry"])
        senders, receivers = (a[name].reshape(-1, axes).astype(np.int64) for name in ("senders", "receivers"))
        d2 = ((receivers[:, None, :] - senders[None, :, :]) ** 2).sum(axis=2) + gap2
        zeros = 32 - np.frexp(d2.astype(np.float64))[1].astype(np.int64)
        entry = (((d2 << zeros) >> shift) - zeros * step + first) % 2**32
        size = np.where(d2 <= cutoff2, a["table"][np.where(d2 <= cutoff2, entry, 0)], np.int8(0))
        sign = 1 - 2 * np.unpackbits(a["signs"], bitorder="little")[: len(senders)].astype(np.int8)
        return np.asarray(size * sign[None, :], np.int8)

    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        return layer.inputs, layer.arrays["sender"].shape[1]


class CoordinatesS8(_Positions):
    name = "coordinates_s8"
    description = "positions and a table, weights computed on the fly"
    features_of = ("call", "inputs", "active", "pairs", "space_active", "space_pairs", "space_axes", "kept", "neurons", "requantised")

    def define(self, layers: Sequence[Layer]) -> str:
        plane = all(layer.arrays["sender"].shape[1] == PLANE for layer in layers)
        return "#define NEARWIRE_COORDINATES_PLANE\n" if plane else ""

    def scratch(self, layer: Layer) -> tuple[str, int, int] | None:
        return ("int32_t", layer.outputs, 4 * layer.outputs) if requantises(layer) else None

    def layer_features(self, layer: Layer) -> dict[str, float]:
        activity, axes = float(layer.options.get("activity", 1.0)), layer.arrays["sender"].shape[1]
        kept = float((Spatial().squared_distances(layer) <= _cutoff(layer)).mean())
        active = layer.inputs * activity
        plane, space = active * (axes == PLANE), active * (axes != PLANE)
        return {
            "call": 1,
            "inputs": layer.inputs,
            "active": plane,
            "pairs": plane * layer.outputs,
            "space_active": space,
            "space_pairs": space * layer.outputs,
            "space_axes": space * layer.outputs * axes,
            "kept": active * layer.outputs * kept,
            "neurons": layer.outputs,
            "requantised": layer.outputs * requantises(layer),
        }


class ExpandedS8(_Positions):
    """As large in RAM as the weights; a first inference that computes them."""

    name = "expanded_s8"
    description = "positions and a table, weights computed into RAM at the first inference"
    needs = ("distances", "dense16_s8")
    features_of = ("call", "quads_of_inputs", "rest_words", "chunks", "groups", "neurons", "requantised")

    def scratch(self, layer: Layer) -> tuple[str, int, int]:
        words = 1 + -(-layer.outputs // 4) * -(-layer.inputs // 2) * 2
        return "uint32_t", words, 4 * words

    def layer_features(self, layer: Layer) -> dict[str, float]:
        groups, inputs = -(-layer.outputs // 4), layer.inputs
        return {
            "call": 1,
            "quads_of_inputs": groups * (inputs // 4),
            "rest_words": groups * -(-(inputs % 4) // 2),
            "chunks": groups * -(-inputs // CHUNK),
            "groups": groups,
            "neurons": layer.outputs,
            "requantised": layer.outputs * requantises(layer),
        }


def _cutoff(layer: Layer) -> int:
    cutoff = layer.options["cutoff2"]
    return NO_CUTOFF if cutoff is None else int(cutoff)
