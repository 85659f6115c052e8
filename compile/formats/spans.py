"""``spans_s8``: the synapses of a ``field`` layer over a signal (a grid of one row) as stretches and charges (runtime/kernels/spans_s8.c).

A synapse is one word: where its stretch starts and ends in a table of running sums, and its charge. The table covers the window that any
stretch touches; its cells are uint16 if no stretch of the network can hold more than 65535, else uint32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compile.formats.base import Encoded, Format, bias_refusal, requantises
from compile.formats.boxes import largest_sum, window
from compile.formats.channels import between, channels_of, places, starts
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import in_order
from runtime.network.kinds.field import grid_of
from runtime.network.network import Array, Layer

PLACES = 4096  # running sums that a synapse's word can name


class SpansS8(Format):
    name = "spans_s8"
    description = "stretches and charges, on running sums"
    packed = True
    cuts = True
    features_of = ("call", "values", "neurons", "synapses", "requantised")

    def refuses(self, layer: Layer) -> str | None:
        if not kind_of(layer).matrix or not kind_of(layer).boxes(layer):
            return "the layer has no rectangles"
        if grid_of(layer)[0] != 1:
            return "it reads signals: grids of one row"
        sums = channels_of(layer) * (window(layer)[3] + 1)
        return f"it keeps at most {PLACES} running sums, the layer needs {sums}" if sums > PLACES else bias_refusal(layer)

    def encode_layer(self, layer: Layer) -> Encoded:
        _, left, _, length = window(layer)
        edges, charge = layer.arrays["edges"].astype(np.int64), layer.arrays["charge"].astype(np.int64)
        empty = (charge == 0) | (edges[..., 0] == edges[..., 2]) | (edges[..., 1] == edges[..., 3])
        table = starts(layer, length + 1, empty)
        start, end = (table + np.where(empty, 0, edges[..., side] - left) for side in (1, 3))
        words = start << 20 | end << 8 | (np.where(empty, 0, charge) & 127)
        return Encoded({"words": words.astype(np.uint32).ravel()}, (layer.outputs, layer.inputs))

    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        _, left, _, length = window(layer)
        weights = np.zeros((layer.outputs, channels_of(layer), grid_of(layer)[1]), np.int64)
        for neuron, row in enumerate(encoded.arrays["words"].astype(np.int64).reshape(layer.outputs, -1)):
            for word in row:
                (channel, start), end = divmod(int(word >> 20), length + 1), int(word >> 8 & 4095) % (length + 1)
                weights[neuron, channel, left + start : left + end] += (int(word & 127) ^ 64) - 64
        return in_order(weights.reshape(layer.outputs, layer.inputs), layer).astype(np.int8)

    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        return window(layer)[3], cut, layer.arrays["charge"].shape[1]

    def sizes_among(self, layer: Layer, alike: Sequence[Layer], cut: int) -> tuple[int, ...]:
        return *places(layer, alike), *self.sizes_of(layer, cut)

    def first_input(self, layer: Layer) -> int:
        return window(layer)[1] * between(layer)

    def scratch(self, layer: Layer) -> tuple[str, int, int]:
        cells = channels_of(layer) * (window(layer)[3] + 1)
        return "nearwire_spans_cell", cells, cells * (2 if largest_sum(layer) <= 65535 else 4)

    def define(self, layers: Sequence[Layer]) -> str:
        narrow = all(largest_sum(layer) <= 65535 for layer in layers)
        cell = "#define NEARWIRE_SPANS_CELL uint16_t /* no stretch of this network can hold more than 65535 */\n" if narrow else ""
        return cell + ("#define NEARWIRE_SPANS_CHANNELS\n" if any(channels_of(layer) > 1 for layer in layers) else "")

    def layer_features(self, layer: Layer) -> dict[str, float]:
        neurons, synapses = layer.arrays["charge"].shape
        return {
            "call": 1,
            "values": channels_of(layer) * window(layer)[3],
            "neurons": neurons,
            "synapses": neurons * synapses,
            "requantised": neurons * requantises(layer),
        }
