"""``model.tflite`` of a spiking network: one time step of the integer law (runtime/network/spiking/integers.py), batch 1, for TFLite and LiteRT.

Inputs, outputs and their names are those of model.onnx (compile/emit/onnx/step.py), but ``input`` is int8: byte - 128 under coding direct, else the
spikes 0/1 of this step; spikes that come out are int8 too. All else is int32:

    first layer, direct     IF begin: RESHAPE -> BATCH_MATMUL -> ADD of bias + half -> RIGHT_SHIFT -> clamp; else the current that was given
    other layers            BATCH_MATMUL of int8 spikes -> ADD of the bias -> MUL by 2**lift
    membrane                MUL by the decay -> ADD of half -> RIGHT_SHIFT, which keeps the sign; SELECT_V2 for the reset; MAXIMUM, MINIMUM
    spikes                  GREATER -> CAST

No float takes part. The bytes are multiplied as they are stored, as in compile/emit/tflite/steady.py: the bias holds the offset.
"""

from __future__ import annotations

import numpy as np

from compile.emit.common.step import bound_of, spiking_of, step_properties
from compile.emit.tflite.graph import OFFSET, Graph
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking.constants import FRACTION, Spiking
from runtime.network.spiking.integers import MEMBRANE_MAX, MEMBRANE_MIN


def to_bytes(network: Network) -> bytes:
    """The file's content."""
    spiking, spec, first = spiking_of(network), network.input, network.layers[0]
    graph = Graph()
    direct = spiking.coding == "direct"
    scale, zero_point = (np.float32(spec.scale), spec.zero_point - OFFSET) if direct else (np.float32(1), 0)
    value = graph.tensor("input", (1, spec.size), "INT8", None, scale, zero_point)
    inputs, outputs = {"input": value}, {"output": -1}
    if direct:
        inputs["begin"] = graph.tensor("begin", (), "BOOL")
        inputs[f"{first.name}/current"] = graph.tensor(f"{first.name}/current", (1, first.outputs), "INT32")
        outputs[f"{first.name}/current_next"] = _steady(graph, network, first, list(inputs.values()))
    for k, layer in enumerate(network.layers):
        inputs[f"{layer.name}/membrane"] = membrane = graph.tensor(f"{layer.name}/membrane", (1, layer.outputs), "INT32")
        current = outputs[f"{first.name}/current_next"] if k == 0 and direct else _current(graph, layer, value)
        outputs[f"{layer.name}/membrane_next"], value = _neurons(graph, layer, membrane, current, spiking)
        outputs[f"{layer.name}/spikes"] = value
    last = network.layers[-1]
    read = graph.tensor("output", (1, last.outputs), "INT32")
    if spiking.readout == "membrane":
        shape = graph.tensor("output_shape", (2,), "INT32", np.array([1, last.outputs], np.int32))
        graph.operator("RESHAPE", [outputs[f"{last.name}/membrane_next"], shape], read, "ReshapeOptions", newShape=[1, last.outputs])
    else:
        graph.operator("CAST", [value], read, "CastOptions")
    outputs["output"] = read
    facts = step_properties(network)
    graph.stamp({**facts, "input": f"byte - {OFFSET}, the same at every step"} if direct else facts)
    return graph.to_bytes(inputs, outputs)


def _steady(graph: Graph, network: Network, layer: Layer, inputs: list[int]) -> int:
    """The first layer's current: computed in one branch, handed on in the other. ``inputs``: the bytes, begin, the current."""
    name, spec, width = layer.name, network.input, layer.outputs
    bound_of(layer, network)
    with graph.branch("compute") as compute:
        given, held = _branch_inputs(graph, network, layer)
        value, offset = given, OFFSET >> spec.cut
        if spec.cut:
            bits = graph.tensor("cut", (1, 1), "INT8", np.full((1, 1), spec.cut, np.int8))
            value = graph.tensor("seen", (1, spec.size), "INT8", None, np.float32(spec.step), -offset)
            graph.operator("RIGHT_SHIFT", [given, bits], value, "RightShiftOptions")
        shape = graph.tensor(f"{name}/shape", (2,), "INT32", np.array([1, spec.size], np.int32))
        raw = graph.tensor(f"{name}/input", (1, spec.size), "INT8", None, np.float32(1), 0)
        graph.operator("RESHAPE", [value, shape], raw, "ReshapeOptions", newShape=[1, spec.size])
        sums, weights = _sums(graph, layer, raw)
        shift = layer.arrays["shift"].astype(np.int64)
        added = layer.arrays["bias"].astype(np.int64) + (offset - spec.zero_point) * weights.astype(np.int64).sum(axis=1) + (1 << (shift - 1))
        rounded = _two(graph, "ADD", sums, _row(graph, f"{name}/rounding", added), f"{name}/rounded", width)
        shifted = _two(graph, "RIGHT_SHIFT", rounded, _row(graph, f"{name}/shift", shift), f"{name}/shifted", width)
        graph.ends([given, held], [_clamped(graph, shifted, f"{name}/current_computed", width)])
    with graph.branch("keep") as keep:
        given, held = _branch_inputs(graph, network, layer)
        zero = _row(graph, "nothing", np.zeros(1))
        graph.ends([given, held], [_two(graph, "ADD", held, zero, f"{name}/current_held", width)])
    current = graph.tensor(f"{name}/current_next", (1, width), "INT32")
    given, begin, held = inputs
    return graph.operator("IF", [begin, given, held], current, "IfOptions", thenSubgraphIndex=compute, elseSubgraphIndex=keep)


def _branch_inputs(graph: Graph, network: Network, layer: Layer) -> tuple[int, int]:
    spec = network.input
    return (
        graph.tensor("input", (1, spec.size), "INT8", None, np.float32(spec.scale), spec.zero_point - OFFSET),
        graph.tensor(f"{layer.name}/current", (1, layer.outputs), "INT32"),
    )


def _current(graph: Graph, layer: Layer, spikes: int) -> int:
    """Current of a layer that reads spikes."""
    name, width = layer.name, layer.outputs
    sums, _ = _sums(graph, layer, spikes)
    biased = _two(graph, "ADD", sums, _row(graph, f"{name}/bias", layer.arrays["bias"]), f"{name}/biased", width)
    factor = _row(graph, f"{name}/factor", np.array([1 << int(layer.options["lift"])]))
    return _two(graph, "MUL", biased, factor, f"{name}/current", width)


def _neurons(graph: Graph, layer: Layer, held: int, current: int, spiking: Spiking) -> tuple[int, int]:
    """One step of leaky integrate-and-fire: the membranes and the spikes."""
    name, width = layer.name, layer.outputs
    threshold = _row(graph, f"{name}/threshold", np.array([int(layer.options["threshold"])]))
    decay = _row(graph, f"{name}/decay", np.array([int(layer.options["decay"])]))
    half, bits = _row(graph, f"{name}/half", np.array([1 << (FRACTION - 1)])), _row(graph, f"{name}/bits", np.array([FRACTION]))
    zero = _row(graph, f"{name}/zero", np.zeros(1))
    fired = graph.tensor(f"{name}/fired_before", (1, width), "BOOL")
    graph.operator("GREATER", [held, threshold], fired, "GreaterOptions")
    drop = None
    if spiking.reset == "zero":
        held = graph.operator("SELECT_V2", [fired, zero, held], graph.tensor(f"{name}/reset", (1, width), "INT32"), "SelectV2Options")
    else:
        drop = graph.operator("SELECT_V2", [fired, threshold, zero], graph.tensor(f"{name}/drop", (1, width), "INT32"), "SelectV2Options")
    product = _two(graph, "MUL", held, decay, f"{name}/product", width)
    raised = _two(graph, "ADD", product, half, f"{name}/raised", width)
    left = _two(graph, "RIGHT_SHIFT", raised, bits, f"{name}/left", width)
    moved = _two(graph, "ADD", left, current, f"{name}/charged", width)
    if drop is not None:
        moved = _two(graph, "SUB", moved, drop, f"{name}/dropped", width)
    after = _clamped(graph, moved, f"{name}/membrane_next", width)
    fires = graph.tensor(f"{name}/fires", (1, width), "BOOL")
    graph.operator("GREATER", [after, threshold], fires, "GreaterOptions")
    spikes = graph.tensor(f"{name}/spikes", (1, width), "INT8", None, np.float32(1), 0)
    return after, graph.operator("CAST", [fires], spikes, "CastOptions")


def _sums(graph: Graph, layer: Layer, value: int) -> tuple[int, Array]:
    """Products of int8 values with the weights, summed up, and the weights, which lie (outputs, inputs), hence adjY."""
    weights = kind_of(layer).integer_weights(layer)
    held = graph.tensor(f"{layer.name}/weight", weights.shape, "INT8", weights, np.float32(1), 0)
    sums = graph.tensor(f"{layer.name}/sums", (1, layer.outputs), "INT32")
    return graph.operator("BATCH_MATMUL", [value, held], sums, "BatchMatMulOptions", adjY=True), weights


OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "RIGHT_SHIFT": "RightShiftOptions"}
OPTIONS |= {"MAXIMUM": "MaximumMinimumOptions", "MINIMUM": "MaximumMinimumOptions"}


def _two(graph: Graph, operator: str, a: int, b: int, name: str, width: int) -> int:
    """An operation on two int32 rows, either of which may hold one value for all neurons."""
    return graph.operator(operator, [a, b], graph.tensor(name, (1, width), "INT32"), OPTIONS[operator])


def _clamped(graph: Graph, value: int, name: str, width: int) -> int:
    low = _two(graph, "MAXIMUM", value, _row(graph, f"{name}/low", np.array([MEMBRANE_MIN])), f"{name}/raised_to_low", width)
    return _two(graph, "MINIMUM", low, _row(graph, f"{name}/high", np.array([MEMBRANE_MAX])), name, width)


def _row(graph: Graph, name: str, values: Array) -> int:
    return graph.tensor(name, (1, len(values)), "INT32", np.asarray(values).astype(np.int32)[None])
