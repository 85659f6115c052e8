"""``replicated_s8``: prototypes of box synapses repeated over a grid, pooled (runtime/kernels/replicated_s8.c).

A synapse is one word: channel, rectangle in cells of the kernel, charge. The kernel is told the geometry as a list of sizes, so that two
such layers share its code. RAM: the table of sums for one row of windows, two bytes a cell, and the sums of that row, four bytes a position

    2 * channels * ((columns - 1) * stride + kernel + 1) * ((pool - 1) * stride + kernel + 1) + 4 * pool * columns      (about)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compile.formats.base import Encoded, Format, bias_refusal, requantises, zero_point_of
from runtime.network.kinds import kind_of
from runtime.network.kinds.boxes import channels_last
from runtime.network.kinds.field import grid_of
from runtime.network.kinds.replicated import geometry, mean_shift, pooled, positions
from runtime.network.network import Array, Layer

KERNEL_MAX = 15  # four bits a coordinate
CHARGE_MIN, CHARGE_MAX = -64, 63
SIZE_MAX = 65535  # of a number in the geometry
CELL_MAX = 65535
NARROW = 32767  # the most that a rectangle may hold for the kernel to take signed 16 bits


class ReplicatedS8(Format):
    name = "replicated_s8"
    description = "prototypes of rectangles and charges, on a table of sums"
    packed = True
    cuts = True
    folds_zero = False  # the padding around the input must mean 0, so the table holds bytes less the zero point
    features_of = (
        "call",
        "bands",
        "moved_words",
        "padded_words",
        "built_rows",
        "built_cells",
        "built_padding",
        "built_turns",
        "prototypes",
        "synapses",
        "synapse_rows",
        "synapse_pairs",
        "synapse_positions",
        "outputs",
        "window_rows",
        "positions",
        "means",
        "mean_rows",
        "mean_positions",
    )

    def refuses(self, layer: Layer) -> str | None:
        if kind_of(layer).convolution(layer) is None or not kind_of(layer).boxes(layer):
            return "the layer has no prototypes"
        if not requantises(layer):
            return "it needs an activation, which the last layer does not have"
        kernel, charge = geometry(layer)["kernel"], layer.arrays["charge"].astype(np.int64)
        if max(kernel) > KERNEL_MAX:
            return f"it holds kernels of at most {KERNEL_MAX} x {KERNEL_MAX} cells, the layer's has {kernel[0]} x {kernel[1]}"
        if charge.min() < CHARGE_MIN or charge.max() > CHARGE_MAX:
            return f"it holds charges of {CHARGE_MIN}..{CHARGE_MAX}, the layer has {charge.min()}..{charge.max()}"
        largest = int((np.abs(charge) * _areas(layer)).sum(axis=1).max()) * 255
        low, high = _extremes(layer)
        if high - low > CELL_MAX:
            return f"a rectangle's sum, {low} to {high}, does not fit 16 bits"
        if largest > 2**31 - 1:
            return f"sums of single synapses, up to {largest}, do not fit int32"
        if max(sizes := Plan.of(layer).sizes(layer)) > SIZE_MAX:
            return f"it holds sizes of at most {SIZE_MAX}, the layer needs {max(sizes)}"
        return bias_refusal(layer, self.folds_zero)

    def encode_layer(self, layer: Layer) -> Encoded:
        edges, charge = layer.arrays["edges"].astype(np.int64), layer.arrays["charge"].astype(np.int64)
        low_y, low_x, high_y, high_x = (edges[..., k] for k in range(4))
        words = (charge & 127) | low_x << 7 | high_x << 11 | low_y << 15 | (high_y - low_y) << 19
        if "channel" in layer.arrays:
            words |= layer.arrays["channel"].astype(np.int64) << 24
        sizes = np.array(Plan.of(layer).sizes(layer), np.uint16)
        return Encoded({"geometry": sizes, "synapses": words.astype(np.uint32).ravel()}, (layer.outputs, layer.inputs))

    def decode_layer(self, encoded: Encoded, layer: Layer) -> Array:
        weights = np.zeros((len(layer.arrays["bias"]), int(layer.options["channels"]), *geometry(layer)["kernel"]), np.int64)
        words = encoded.arrays["synapses"].astype(np.int64).reshape(len(weights), -1)
        for prototype, row in enumerate(words):
            for word in row.tolist():
                y, height, low, high = (word >> bit & 15 for bit in (15, 19, 7, 11))
                weights[prototype, word >> 24, y : y + height, low:high] += ((word & 127) ^ 64) - 64
        return weights.reshape(len(weights), -1).astype(np.int8)

    def sizes_of(self, layer: Layer, cut: int) -> tuple[int, ...]:
        return (cut or zero_point_of(layer),)

    def scratch(self, layer: Layer) -> tuple[str, int, int]:
        words = Plan.of(layer).words
        return "nearwire_replicated_word", words, 4 * words

    def define(self, layers: Sequence[Layer]) -> str:
        wide = any(_extremes(layer)[1] > NARROW or _extremes(layer)[0] < -NARROW for layer in layers)
        signed = any(zero_point_of(layer) for layer in layers)
        lowest = -min(_extremes(layer)[0] for layer in layers)
        means = [mean_shift(layer) > 0 for layer in layers]
        together = any(channels_last(layer) for layer in layers)
        lines = [f"WIDE {lowest}"] * wide + ["SIGNED"] * signed + ["CELLWISE"] * together + ["MEAN"] * any(means) + ["MEAN_ONLY"] * all(means)
        return "".join(f"#define NEARWIRE_REPLICATED_{line}\n" for line in lines)

    def layer_features(self, layer: Layer) -> dict[str, float]:
        plan = Plan.of(layer)
        prototypes, synapses = layer.arrays["charge"].shape
        rows, columns = positions(layer)
        bands, across = pooled(layer)
        tops = [band * plan.down - plan.above for band in range(bands)]
        built = [top + row - 1 for k, top in enumerate(tops) for row in range(plan.kept if k else 1, plan.band)]
        inside = sum(0 <= y < plan.rows for y in built) * plan.channels
        pairs = prototypes * synapses * rows
        pooling = {"outputs": bands * across * prototypes, "window_rows": rows * across * prototypes, "positions": rows * columns * prototypes}
        means = dict(zip(("means", "mean_rows", "mean_positions"), pooling.values(), strict=True))
        return {
            "call": 1,
            "bands": bands,
            "moved_words": (bands - 1) * plan.kept * plan.pitch // 2,
            "padded_words": sum(not 0 <= y < plan.rows for y in built) * plan.pitch // 2,
            "built_rows": inside,
            "built_cells": inside * plan.columns,
            "built_padding": inside * plan.right,
            "built_turns": inside * (plan.columns + plan.right) / plan.phases,  # from the last run of columns to the first
            "prototypes": bands * prototypes,
            "synapses": bands * prototypes * synapses,
            "synapse_rows": pairs,
            "synapse_pairs": pairs * -(-columns // 2),
            "synapse_positions": pairs * columns,
            **(dict.fromkeys(pooling, 0) | means if mean_shift(layer) else pooling | dict.fromkeys(means, 0)),
        }


@dataclass(frozen=True)
class Plan:
    """The table of sums of a layer, in cells and rows; the names are those of the kernel's header."""

    channels: int
    rows: int  # of the grid
    width: int
    columns: int  # of the grid that kernels reach
    above: int  # zero padding
    left: int
    right: int
    phases: int  # the horizontal stride: how many columns lie between two of one run in the table
    apart: int
    cells: int
    pitch: int  # cells of a row of all channels
    band: int  # rows
    kept: int
    down: int  # rows of the grid from one band to the next
    sums: int  # words
    words: int

    @classmethod
    def of(cls, layer: Layer) -> Plan:
        g, (height, width), channels = geometry(layer), grid_of(layer), int(layer.options["channels"])
        (found_y, found_x), (kernel_y, kernel_x), (stride_y, stride_x) = positions(layer), g["kernel"], g["stride"]
        reached = (found_x - 1) * stride_x + kernel_x  # columns, padding included
        apart = -(-(reached + 1) // stride_x)
        pitch = -(-channels * apart * stride_x // 2) * 2
        pool = min(g["pool"][0], found_y)
        band, down = (pool - 1) * stride_y + kernel_y + 1, g["pool"][0] * stride_y
        columns = min(width, reached - g["padding"][1])
        length = found_x + found_x % 2
        return cls(
            channels=channels,
            rows=height,
            width=width,
            columns=columns,
            above=g["padding"][0],
            left=g["padding"][1],
            right=reached - g["padding"][1] - columns,
            phases=stride_x,
            apart=apart,
            cells=apart * stride_x,
            pitch=pitch,
            band=band,
            kept=max(1, band - down),
            down=down,
            sums=pool * length,
            words=pool * length + band * pitch // 2 + 1,  # the last pair of positions may read one cell too many
        )

    def place(self, column: int) -> int:
        """Where a column of the table, one more than of the padded grid, lies in its row."""
        return column % self.phases * self.apart + column // self.phases

    def sizes(self, layer: Layer) -> list[int]:
        """The kernel's ``geometry``."""
        g, (found_y, found_x), (outputs_y, outputs_x) = geometry(layer), positions(layer), pooled(layer)
        row, left_out = self.pitch // 2, self.down - (self.band - self.kept)
        together = channels_last(layer)
        head = [self.channels | together << 15, self.rows, self.width * (self.channels if together else 1), self.columns]
        head += [0 if together else self.rows * self.width - self.columns, self.above, self.right]
        head += [self.place(self.left + 1), self.apart, self.cells, row, self.band * row, self.kept * row, left_out]
        head += [g["stride"][0] * self.pitch, found_y, found_x, found_x + found_x % 2, g["pool"][0] | mean_shift(layer) << 8, g["pool"][1]]
        head += [outputs_x, outputs_y * outputs_x, layer.arrays["charge"].shape[1], self.sums]
        return head + [self.place(column) for column in range(g["kernel"][1] + 1)]


def _extremes(layer: Layer) -> tuple[int, int]:
    """The least and the most that a rectangle of the layer can hold, over the bytes less their zero point."""
    area, zero_point = int(_areas(layer).max(initial=0)), zero_point_of(layer)
    return -zero_point * area, (255 - zero_point) * area


def _areas(layer: Layer) -> Array:
    """(prototypes, synapses) cells in each rectangle."""
    edges = layer.arrays["edges"].astype(np.int64)
    return np.asarray((edges[..., 2] - edges[..., 0]) * (edges[..., 3] - edges[..., 1]), np.int64)
