"""``boxes_s8``: the synapses of a ``field`` layer as rectangles and charges, on a table of sums (runtime/kernels/boxes_s8.c).

A synapse is one word: where its rectangle's left corners lie in the table, its width, its charge. The table covers the window of the grid
that any rectangle touches, so cells at the border that no neuron reads cost nothing. Its cells are uint16 if no rectangle of the network
can hold more than 65535, else uint32. Neurons of fewer than four synapses are filled up with empty ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compile.formats.base import Encoded, Format, bias_refusal, requantises
from compile.formats.channels import between, channels_of, places, starts
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import in_order
from runtime.network.kinds.field import grid_of
from runtime.network.network import Array, Layer

PLACES, WIDTHS = 1024, 32  # table cells and widths that a synapse's word can name
SYNAPSES = 4  # at least


class BoxesS8(Format):
    name = "boxes_s8"
    description = "rectangles and charges, on a table of sums"
    packed = True
    cuts = True
    features_of = ("call", "rows", "cell_quads", "cell_rest", "neurons", "more_synapses", "requantised")

    def refuses(self, layer: Layer) -> str | None:
        if not kind_of(layer).matrix or not kind_of(layer).boxes(layer):
            return "the layer has no rectangles"
        _, _, rows, columns = window(layer)
        channels = channels_of(layer)
        if channels * (rows + 1) * (columns + 1) > PLACES or columns >= WIDTHS:
            several = f"{channels} x " if channels > 1 else ""
            return f"its table has at most {PLACES} cells and {WIDTHS - 1} columns, the layer needs {several}{rows + 1} x {columns + 1}"
        return bias_refusal(layer)

    def encode_layer(self, layer: Layer) -> Encoded:
        top, left, rows, columns = window(layer)
        edges, charge = layer.arrays["edges"].astype(np.int64), layer.arrays["charge"].astype(np.int64)
        missing = max(0, SYNAPSES - charge.shape[1])
        empty = (charge == 0) | (edges[..., 0] == edges[..., 2]) | (edges[..., 1] == edges[..., 3])
        start = np.array([top, left, top, left])
        edges = np.where(empty[..., None], start, edges) - start
        stride = columns + 1
        table = starts(layer, (rows + 1) * stride, empty) + edges[..., 1]
        words = (table + edges[..., 0] * stride) << 22 | (table + edges[..., 2] * stride) << 12
        words |= (edges[..., 3] - edges[..., 1]) << 7 | (np.where(empty, 0, charge) & 127)
        padded = np.concatenate([words, np.zeros((len(words), missing), np.int64)], axis=1)
        return Encoded({"synapses": padded.astype(np.uint32).ravel()}, (layer.outputs, layer.inputs))

    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        top, left, rows, columns = window(layer)
        height, width = grid_of(layer)
        weights = np.zeros((layer.outputs, channels_of(layer), height, width), np.int64)
        words = encoded.arrays["synapses"].astype(np.int64).reshape(layer.outputs, -1)
        for neuron, row in enumerate(words):
            for word in row:
                channel, start = divmod(int(word >> 22), (rows + 1) * (columns + 1))
                (y, x), bottom = divmod(start, columns + 1), int(word >> 12 & 1023) % ((rows + 1) * (columns + 1)) // (columns + 1)
                charge = (int(word & 127) ^ 64) - 64
                weights[neuron, channel, top + y : top + bottom, left + x : left + x + int(word >> 7 & 31)] += charge
        return in_order(weights.reshape(layer.outputs, layer.inputs), layer).astype(np.int8)

    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        _, _, rows, columns = window(layer)
        return grid_of(layer)[1] * between(layer), rows, columns, cut, max(0, layer.arrays["charge"].shape[1] - SYNAPSES)

    def sizes_among(self, layer: Layer, alike: Sequence[Layer], cut: int) -> tuple[int, ...]:
        stride, *others = self.sizes_of(layer, cut)
        return stride, *places(layer, alike), *others

    def first_input(self, layer: Layer) -> int:
        top, left, _, _ = window(layer)
        return (top * grid_of(layer)[1] + left) * between(layer)

    def scratch(self, layer: Layer) -> tuple[str, int, int]:
        _, _, rows, columns = window(layer)
        cells = channels_of(layer) * (rows + 1) * (columns + 1)
        return "nearwire_boxes_cell", cells, cells * (2 if largest_sum(layer) <= 65535 else 4)

    def define(self, layers: Sequence[Layer]) -> str:
        narrow = all(largest_sum(layer) <= 65535 for layer in layers)
        several = any(channels_of(layer) > 1 for layer in layers)
        cell = "#define NEARWIRE_BOXES_CELL uint16_t /* no rectangle of this network can hold more than 65535 */\n" if narrow else ""
        return cell + ("#define NEARWIRE_BOXES_CHANNELS\n" if several else "")

    def layer_features(self, layer: Layer) -> dict[str, float]:
        _, _, rows, columns = window(layer)
        neurons, synapses = layer.arrays["charge"].shape
        return {
            "call": 1,
            "rows": channels_of(layer) * rows,
            "cell_quads": (channels_of(layer) == 1) * rows * (columns // 4),
            "cell_rest": rows * (columns % 4) if channels_of(layer) == 1 else channels_of(layer) * rows * columns,
            "neurons": neurons,
            "more_synapses": neurons * max(0, synapses - SYNAPSES),
            "requantised": neurons * requantises(layer),
        }

    def computer_features(self, layer: Layer) -> dict[str, float]:
        _, _, rows, columns = window(layer)
        neurons, synapses = layer.arrays["charge"].shape
        per_neuron, eights = max(SYNAPSES, synapses), -(-neurons // 8)
        narrow, channels = largest_sum(layer) <= 65535, channels_of(layer)
        eight = narrow and channels == 1
        return {
            "call": 1,
            "rows": channels * rows,
            "cell_eights": eight * rows * (columns // 8),
            "cells": channels * rows * (columns % 8 if eight else columns),
            "eights": narrow * eights,
            "eights_of_synapses": narrow * eights * per_neuron,
            "neurons": neurons,
            "synapses": neurons * per_neuron,
            "wide_synapses": (not narrow) * neurons * per_neuron,
        }


def window(layer: Layer) -> tuple[int, int, int, int]:
    """(top, left, rows, columns) of the cells that the layer's rectangles touch; one cell if there is none."""
    edges = layer.arrays["edges"][layer.arrays["charge"] != 0].astype(int)
    edges = edges[(edges[:, 0] < edges[:, 2]) & (edges[:, 1] < edges[:, 3])]
    if not len(edges):
        return 0, 0, 1, 1
    (top, left), (bottom, right) = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
    return int(top), int(left), int(bottom - top), int(right - left)


def largest_sum(layer: Layer) -> int:
    """The most that a rectangle of the layer can hold."""
    edges = layer.arrays["edges"].astype(np.int64)
    return 255 * int(((edges[..., 2] - edges[..., 0]) * (edges[..., 3] - edges[..., 1])).max(initial=0))
