"""``model.onnx`` of a spiking network: one time step of the integer law (runtime/network/spiking/integers.py) as a standard ONNX graph of opset 13.

    input uint8 (N, inputs)                 coding direct: the bytes; rate and latency: the spikes 0/1 of this step (runtime/network/spiking/coding.py)
    begin bool, FIRST/current int32         coding direct only: where begin, the first layer's current is computed of the input, else the one given
    LAYER/membrane int32 (N, neurons)       of the step before; 0 before the first step
    ->
    output int32 (N, classes)               what the step adds to the scores: spikes (read-outs count and first) or membranes (membrane)
    FIRST/current_next int32                coding direct only: the current of this step, to be handed to the next ones
    LAYER/membrane_next int32, LAYER/spikes uint8

Scores are the sums of ``output``; with read-out ``first`` they are the largest of (steps - t) * output_t, t from 0. runtime/backends/onnx/step.py
is the loop around it. Every operation is on integers. ONNX divides towards zero and shifts no signed numbers, so what the law shifts to the right
is made non-negative by a multiple of the divisor first, and the quotient is moved back:

    (m * B + 2**14) >> 15  =  (m * B + 2**14 + 2**15 * B) / 2**15 - B         below 2**31 for every m of 16 bits
    (acc + 2**(s-1)) >> s  =  (acc + 2**(s-1) + k * 2**s) / 2**s - k          k * 2**s at least the largest |acc|
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.common.step import bound_of, spiking_of, step_properties
from compile.emit.onnx.graph import Graph, finished, import_onnx
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking import coding, integers
from runtime.network.spiking.constants import FRACTION, Spiking
from runtime.network.spiking.integers import MEMBRANE_MAX, MEMBRANE_MIN

HALF = 1 << (FRACTION - 1)


def to_bytes(network: Network) -> bytes:
    """The file's content, checked by onnx.checker with strict shape inference."""
    spiking = spiking_of(network)
    onnx = import_onnx()
    helper, types = onnx.helper, onnx.TensorProto
    graph = Graph(onnx)
    direct, first = spiking.coding == "direct", network.layers[0]
    inputs = [helper.make_tensor_value_info("input", types.UINT8, ["N", network.input.size])]
    outputs = [helper.make_tensor_value_info("output", types.INT32, ["N", network.layers[-1].outputs])]
    if direct:
        inputs.append(helper.make_tensor_value_info("begin", types.BOOL, []))
        inputs.append(helper.make_tensor_value_info(f"{first.name}/current", types.INT32, ["N", first.outputs]))
        outputs.append(helper.make_tensor_value_info(f"{first.name}/current_next", types.INT32, ["N", first.outputs]))
    constants(graph)
    value = "input"
    for k, layer in enumerate(network.layers):
        current = _steady(graph, network, layer) if k == 0 and direct else _current(graph, layer, value)
        value = _neurons(graph, layer, current, spiking)
        inputs.append(helper.make_tensor_value_info(f"{layer.name}/membrane", types.INT32, ["N", layer.outputs]))
        outputs.append(helper.make_tensor_value_info(f"{layer.name}/membrane_next", types.INT32, ["N", layer.outputs]))
        outputs.append(helper.make_tensor_value_info(f"{layer.name}/spikes", types.UINT8, ["N", layer.outputs]))
    if spiking.readout == "membrane":
        graph.node("Identity", [f"{network.layers[-1].name}/membrane_next"], "output", "read_out")
    else:
        graph.node("Cast", [value], "output", "read_out", to=types.INT32)
    return finished(onnx, graph, inputs, outputs, step_properties(network))


def emit_test_data(network: Network, folder: Path, sample: Array) -> None:
    """Write the test data that ``onnx_test_runner`` reads, for uint8 samples (n, inputs) or (inputs,): set 0 is the first step, set 1 one in the middle."""
    flat = reference.check_samples(network, sample.reshape(-1, network.input.size))
    spiking = spiking_of(network)
    for number, step in enumerate(sorted({0, spiking.steps // 2})):
        set_folder = folder / f"test_data_set_{number}"
        set_folder.mkdir(exist_ok=True)
        inputs, outputs = _at_step(network, flat, step)
        for side, tensors in (("input", inputs), ("output", outputs)):
            for k, (name, values) in enumerate(tensors.items()):
                content = import_onnx().numpy_helper.from_array(values, name).SerializeToString(deterministic=True)
                (set_folder / f"{side}_{k}.pb").write_bytes(content)


def _at_step(network: Network, flat: Array, step: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Inputs and outputs of the graph at one step, in its order, by the law."""
    spiking, trace = spiking_of(network), integers.run(network, flat)
    direct, first, last = spiking.coding == "direct", network.layers[0], len(network.layers) - 1
    inputs: dict[str, Array] = {"input": flat if direct else coding.encode_step(flat, spiking, step)}
    outputs: dict[str, Array] = {"output": (trace.membranes if spiking.readout == "membrane" else trace.spikes)[last][step].astype(np.int32)}
    if direct:
        sums = kind_of(first).integer_sums(first)(network.input.seen(flat), network.input.zero_point)
        current = integers.steady_currents(first, sums).astype(np.int32)
        inputs["begin"] = np.array(step == 0)
        inputs[f"{first.name}/current"] = current if step else np.zeros_like(current)
        outputs[f"{first.name}/current_next"] = current
    for k, layer in enumerate(network.layers):
        now = trace.membranes[k][step].astype(np.int32)
        inputs[f"{layer.name}/membrane"] = trace.membranes[k][step - 1].astype(np.int32) if step else np.zeros_like(now)
        outputs[f"{layer.name}/membrane_next"], outputs[f"{layer.name}/spikes"] = now, trace.spikes[k][step]
    return inputs, outputs


def constants(graph: Graph) -> None:
    """What every layer shares: the membrane's range, and zero points."""
    for name, value in (("low", MEMBRANE_MIN), ("high", MEMBRANE_MAX), ("zero", 0), ("unit", 1 << FRACTION)):
        graph.constant(name, np.array(value, np.int32))
    graph.constant("weight_zero_point", np.array(0, np.int8))
    graph.constant("spike_zero_point", np.array(0, np.uint8))


def divided(layer: Layer, network: Network) -> tuple[Array, Array, Array]:
    """int64 (neurons,) for the first layer under coding direct: bias + half + k * 2**s, 2**s and k."""
    divisor = np.int64(1) << layer.arrays["shift"].astype(np.int64)
    k = -(-bound_of(layer, network) // divisor)
    return layer.arrays["bias"].astype(np.int64) + divisor // 2 + k * divisor, divisor, k


def _steady(graph: Graph, network: Network, layer: Layer) -> str:
    """The first layer's current: computed in one branch, handed on in the other."""
    onnx, name = graph.onnx, layer.name
    added, divisor, k = divided(layer, network)
    inner = Graph(onnx)
    value = "input"
    if network.input.cut:
        cut = graph.constant("cut", np.array(network.input.cut, np.uint8))
        value = inner.node("BitShift", [value, cut], "seen", "cut_input", direction="RIGHT")
    zero_point = graph.constant(f"{name}/input_zero_point", np.array(network.input.zero_point, np.uint8))
    weights = graph.constant(f"{name}/weight_s8", kind_of(layer).integer_weights(layer).T)
    sums = inner.node("MatMulInteger", [value, weights, zero_point, "weight_zero_point"], f"{name}/sums", name)
    rounded = inner.node("Add", [sums, graph.constant(f"{name}/rounding_s32", added.astype(np.int32))], f"{name}/rounded", f"{name}/round")
    shifted = inner.node("Div", [rounded, graph.constant(f"{name}/divisor_s32", divisor.astype(np.int32))], f"{name}/shifted", f"{name}/shift")
    back = inner.node("Sub", [shifted, graph.constant(f"{name}/offset_s32", k.astype(np.int32))], f"{name}/moved_back", f"{name}/move_back")
    computed = inner.node("Clip", [back, "low", "high"], f"{name}/current_computed", f"{name}/clamp_current")
    info = [
        onnx.helper.make_tensor_value_info(current, onnx.TensorProto.INT32, ["N", layer.outputs]) for current in (computed, f"{name}/current_held")
    ]
    hold = onnx.helper.make_node("Identity", [f"{name}/current"], [f"{name}/current_held"], name=f"{name}/hold")
    branches = {
        "then_branch": onnx.helper.make_graph(inner.nodes, "compute", [], info[:1]),
        "else_branch": onnx.helper.make_graph([hold], "keep", [], info[1:]),
    }
    return graph.node("If", ["begin"], f"{name}/current_next", f"{name}/once", **branches)


def _current(graph: Graph, layer: Layer, spikes: str) -> str:
    """Current of a layer that reads spikes."""
    name = layer.name
    weights = graph.constant(f"{name}/weight_s8", kind_of(layer).integer_weights(layer).T)
    sums = graph.node("MatMulInteger", [spikes, weights, "spike_zero_point", "weight_zero_point"], f"{name}/sums", name)
    sums = graph.node("Add", [sums, graph.constant(f"{name}/bias_s32", layer.arrays["bias"])], f"{name}/biased", f"{name}/add_bias")
    if not layer.options["lift"]:
        return sums
    factor = graph.constant(f"{name}/factor", np.array(1 << int(layer.options["lift"]), np.int32))
    return graph.node("Mul", [sums, factor], f"{name}/current", f"{name}/lift")


def _neurons(graph: Graph, layer: Layer, current: str, spiking: Spiking) -> str:
    """One step of leaky integrate-and-fire; returns the spikes."""
    name, decay = layer.name, int(layer.options["decay"])
    threshold = graph.constant(f"{name}/threshold", np.array(int(layer.options["threshold"]), np.int32))
    factor = graph.constant(f"{name}/decay", np.array(decay, np.int32))
    added = graph.constant(f"{name}/decay_rounding", np.array((decay << FRACTION) + HALF, np.int32))
    held = f"{name}/membrane"
    fired = graph.node("Greater", [held, threshold], f"{name}/fired_before", f"{name}/had_fired")
    if spiking.reset == "zero":
        held = graph.node("Where", [fired, "zero", held], f"{name}/reset", f"{name}/reset_to_zero")
    product = graph.node("Mul", [held, factor], f"{name}/product", f"{name}/decay_product")
    raised = graph.node("Add", [product, added], f"{name}/raised", f"{name}/decay_round")
    quotient = graph.node("Div", [raised, "unit"], f"{name}/quotient", f"{name}/decay_shift")
    taken = factor
    if spiking.reset == "subtract":
        both = graph.constant(f"{name}/decay_and_threshold", np.array(decay + int(layer.options["threshold"]), np.int32))
        taken = graph.node("Where", [fired, both, factor], f"{name}/taken", f"{name}/reset_by_subtraction")
    left = graph.node("Sub", [quotient, taken], f"{name}/left", f"{name}/decay_move_back")
    moved = graph.node("Add", [left, current], f"{name}/charged", f"{name}/charge")
    after = graph.node("Clip", [moved, "low", "high"], f"{name}/membrane_next", f"{name}/clamp")
    fires = graph.node("Greater", [after, threshold], f"{name}/fires", f"{name}/fire")
    return graph.node("Cast", [fires], f"{name}/spikes", f"{name}/to_spikes", to=int(graph.onnx.TensorProto.UINT8))


def described(content: bytes) -> dict[str, Any]:
    """The metadata of a file that was written here."""
    return {entry.key: entry.value for entry in import_onnx().load_from_string(content).metadata_props}
