"""``field``: neurons whose K synapses each have a position, a reach and a charge over the input grid (runtime/network/kinds/boxes.py).

    w_j(cell) = sum_k charge_jk * rule(|cell - position_jk| / reach_jk),   out_j = sum_cells w_j(cell) * input(cell) + bias_j

The grid has ``channels`` maps of ``grid`` = (height, width) cells, flattened channel by channel, or cell by cell with option ``order`` "last"; each synapse
reads one channel.
Integer form: with rule ``box`` edges and charges are integers, and the weight is their exact sum, in -63..63; so a device sums
rectangles, and a runtime that multiplies matrices sees the same integers. Other rules become a plain ``weight`` matrix.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from devices.errors import InputError
from runtime.network.kinds.base import ArraySpec, kept_with_layer
from runtime.network.kinds.boxes import ORDERS, RULES, SYNAPSES_MAX, SynapseKind, float_weights, in_order, integer_tiles
from runtime.network.kinds.options import OptionSpec
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Layer
from runtime.network.schema import Several, Whole, Word

CELLS = Several(Whole(1, 255), 2, 2)
SIDE_MAX, LENGTH_MAX = 255, 65535  # cells of a side of a grid; of a signal, which is a grid of one row
GRID_OPTIONS = {
    "rule": OptionSpec(Word(RULES, "wiring rule"), "how a weight decreases with the distance"),
    "grid": OptionSpec(Several(Whole(1, LENGTH_MAX), 2, 2), "(height, width) in cells: at most 255 each, or one row of 65,535"),
    "channels": OptionSpec(Whole(1, 256), "maps of the grid"),
    "order": OptionSpec(
        Word(ORDERS, "order of the channels"), "whether the channels of a cell lie beside each other: 'last'; 'first' where absent", optional=True
    ),
}


def grid_of(layer: Layer) -> tuple[int, int]:
    """(height, width) in cells of one channel."""
    height, width = layer.options["grid"]
    return int(height), int(width)


class Field(SynapseKind):
    name = "field"
    rules = RULES
    float_arrays = {
        "position": ArraySpec("float32", ("outputs", "synapses", "axes"), "cells (y, x)"),
        "reach": ArraySpec("float32", ("outputs", "synapses", "reaches"), "cells; box: per axis (y, x), else one"),
        "charge": ArraySpec("float32", ("outputs", "synapses"), "output units per input unit"),
        "channel": ArraySpec("uint8", ("outputs", "synapses"), "index of the map it reads", optional=True),
        "bias": ArraySpec("float32", ("outputs",), "output units"),
        "step": ArraySpec("float32", ("outputs",), "real charge a step, where training was quantisation-aware", optional=True),
    }
    integer_arrays = {
        "edges": ArraySpec("uint8|uint16", ("outputs", "synapses", "sides"), "cells: low y, low x, high y, high x; rule box", optional=True),
        "charge": ArraySpec("int8", ("outputs", "synapses"), "weight steps; rule box", optional=True),
        "channel": ArraySpec("uint8", ("outputs", "synapses"), "index of the map it reads", optional=True),
        "weight": ArraySpec("int8", ("outputs", "inputs"), "weight steps; other rules", optional=True),
        "bias": ArraySpec("int32", ("outputs",), "accumulator steps"),
        "shift": ArraySpec("uint8", ("outputs",), "bits", optional=True),
        "weight_scale": ArraySpec("float32", ("outputs",), "real weight a step, for reports"),
    }

    float_options = GRID_OPTIONS
    integer_options = GRID_OPTIONS

    def check_geometry(self, layer: Layer, integer: bool, where: str) -> None:
        check_grid(layer, where)

    def check_values(self, layer: Layer, integer: bool, where: str) -> None:
        check_synapses(layer, integer, where)

    def weights(self, layer: Layer) -> Array:
        return in_order(float_weights(layer.options["rule"], layer.arrays, int(layer.options["channels"]), grid_of(layer)), layer)

    @kept_with_layer
    def integer_weights(self, layer: Layer) -> Array:
        return layer.arrays["weight"] if "weight" in layer.arrays else np.concatenate([*self.integer_tiles(layer)])

    def largest_weight(self, layer: Layer) -> int:
        bound = WEIGHT_MAX + 1 if "weight" in layer.arrays else charges_bound(layer)
        return bound if bound <= WEIGHT_MAX else super().largest_weight(layer)

    def integer_tiles(self, layer: Layer) -> Iterator[Array]:
        if "weight" in layer.arrays:
            yield layer.arrays["weight"]
        else:
            yield from (in_order(tile, layer) for tile in held_tiles(layer, grid_of(layer)))


def charges_bound(layer: Layer) -> int:
    """A bound on the weights of boxes: the largest sum of the |charges| of a neuron, wherever its boxes are."""
    return int(np.abs(layer.arrays["charge"].astype(np.int32)).sum(axis=1).max(initial=0))


def held_tiles(layer: Layer, area: tuple[int, int]) -> Iterator[Array]:
    """Rows of weights as int8, some at a time, from boxes in an area of cells; InputError naming the layer if one does not fit."""
    for total in integer_tiles(layer.arrays, int(layer.options["channels"]), area):
        largest = max(int(total.max(initial=0)), -int(total.min(initial=0)))
        if largest > 127:
            raise InputError(f"layer '{layer.name}': overlapping charges sum to {largest}, which no int8 weight holds.")
        yield total.astype(np.int8)


def check_grid(layer: Layer, where: str) -> None:
    """InputError unless the grid's cells are the values that the layer reads."""
    (height, width), channels = grid_of(layer), int(layer.options["channels"])
    if height > 1 and max(height, width) > SIDE_MAX:
        raise InputError(f"{where}: a grid of {height} x {width} cells; allowed: sides of {SIDE_MAX}, or one row of {LENGTH_MAX}.")
    if height * width * channels != layer.inputs:
        raise InputError(
            f"{where}: a grid of {channels} x {height} x {width} cells has {height * width * channels} values; the layer reads {layer.inputs}."
        )


def check_synapses(layer: Layer, integer: bool, where: str) -> None:
    """InputError unless the synapses' arrays belong together and to the layer's rule."""
    a = layer.arrays
    if integer and ("weight" in a) == ("edges" in a and "charge" in a):
        raise InputError(f"{where} must have either the arrays 'edges' and 'charge' (rule box) or 'weight'.")
    charge = a.get("charge")
    if charge is not None and not 1 <= charge.shape[1] <= SYNAPSES_MAX:
        raise InputError(f"{where} has neurons of {charge.shape[1]} synapses; allowed: 1 to {SYNAPSES_MAX}.")
    channels = int(layer.options["channels"])
    if "channel" in a and int(a["channel"].max(initial=0)) >= channels:
        raise InputError(f"{where}: a synapse reads channel {a['channel'].max()} of {channels}.")
    if channels > 1 and "channel" not in a and "weight" not in a:
        raise InputError(f"{where} lacks the array 'channel': with {channels} channels every synapse must name the one it reads.")
    if not integer:
        axes, reaches = a["position"].shape[2], a["reach"].shape[2]
        if axes != 2 or reaches != (2 if layer.options["rule"] == "box" else 1):
            raise InputError(
                f"{where}: {axes} coordinates and {reaches} reaches a synapse; rule '{layer.options['rule']}' needs 2 and {2 if layer.options['rule'] == 'box' else 1}."
            )
        if not (a["reach"] > 0).all():
            raise InputError(f"{where}: a reach is not above 0 cells.")
    elif "edges" in a:
        edges = a["edges"]
        if edges.shape[2] != 4 or (edges[..., :2] > edges[..., 2:]).any() or (edges[..., 2:] > kernel_or_grid(layer)).any():
            raise InputError(f"{where}: box edges must be [low y, low x, high y, high x] with low <= high <= the grid's size.")


def kernel_or_grid(layer: Layer) -> Array:
    """(2,) the size in cells of the area that a neuron's boxes lie in."""
    return np.array(layer.options.get("kernel", layer.options["grid"]))
