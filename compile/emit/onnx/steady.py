"""``model.onnx``: the network as a standard quantised (QDQ) ONNX graph of opset 13.

    input uint8 (N, inputs)     the bytes themselves; BitShift to the right where the network's input is cut
    hidden layer                DequantizeLinear of bytes, weights and bias -> Gemm -> Relu -> QuantizeLinear; ONNX Runtime fuses it to QGemm
    replicated layer            the same with Conv, then MaxPool of the bytes, or a depthwise Conv that adds up the bytes of a window
    last layer                  MatMulInteger -> Add
    scores int32 (N, outputs)   the label is the first largest

Spiking networks: compile/emit/onnx/step.py. Weights are int8 with one scale an output; no float is left that could round otherwise than the law (``compile.emit.common.thresholds``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from compile.emit.common.numbers import Numbers, numbers, properties
from compile.emit.onnx import step as spiking_onnx
from compile.emit.onnx.graph import FILE, Graph, finished, import_onnx
from devices.errors import CheckError
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.kinds.convolution import Convolution
from runtime.network.network import Array, Network


def emit(network: Network, folder: Path) -> None:
    """Write ``folder/model.onnx``: one file, the same bytes for the same network."""
    (folder / FILE).write_bytes(to_bytes(network))


def to_bytes(network: Network) -> bytes:
    """The file's content, checked by onnx.checker with strict shape inference. A spiking network's is one time step: compile/emit/onnx/step.py."""
    if network.spiking is not None:
        return spiking_onnx.to_bytes(network)
    onnx = import_onnx()
    helper = onnx.helper
    graph = Graph(onnx)
    value = "input"
    if network.input.cut:
        value = graph.node("BitShift", [value, graph.constant("cut", np.array(network.input.cut, np.uint8))], "seen", "cut_input", direction="RIGHT")
    for part in numbers(network, "onnx"):
        value = _last(graph, part, value) if part.weight_scale is None else _hidden(graph, part, value)
    inputs = [helper.make_tensor_value_info("input", onnx.TensorProto.UINT8, ["N", network.input.size])]
    outputs = [helper.make_tensor_value_info("scores", onnx.TensorProto.INT32, ["N", network.layers[-1].outputs])]
    return finished(onnx, graph, inputs, outputs, properties(network))


def emit_test_data(network: Network, folder: Path, sample: Array) -> None:
    """Write ``folder/test_data_set_0/input_0.pb`` and ``output_0.pb``: uint8 samples (n, inputs) or (inputs,) and the scores they must give."""
    if network.spiking is not None:
        spiking_onnx.emit_test_data(network, folder, sample)
        return
    onnx = import_onnx()
    flat = reference.check_samples(network, sample.reshape(-1, network.input.size))
    set_folder = folder / "test_data_set_0"
    set_folder.mkdir(exist_ok=True)
    scores = reference.scores(network, flat).astype(np.int32)
    for file, name, values in (("input_0.pb", "input", flat), ("output_0.pb", "scores", scores)):
        (set_folder / file).write_bytes(onnx.numpy_helper.from_array(values, name).SerializeToString(deterministic=True))


def _hidden(graph: Graph, part: Numbers, value: str) -> str:
    name = part.layer.name
    repeated = kind_of(part.layer).convolution(part.layer)
    if repeated is not None:
        return _convolution(graph, part, repeated, value)
    sums = graph.node("Gemm", _real_operands(graph, part, value, part.weights), f"{name}/sums", name, transB=1)
    return _to_bytes(graph, part, sums)


def _convolution(graph: Graph, part: Numbers, repeated: Convolution, value: str) -> str:
    """A replicated layer: Reshape -> Conv -> bytes -> pooling -> Flatten. Rounding keeps order, so it may come before the maximum."""
    name, channels, (height, width) = part.layer.name, repeated.channels, repeated.grid
    sizes = [-1, height, width, channels] if repeated.channels_last else [-1, channels, height, width]
    shape = graph.constant(f"{name}/grid", np.array(sizes, np.int64))
    maps = graph.node("Reshape", [value, shape], f"{name}/maps", f"{name}/to_maps")
    if repeated.channels_last:
        maps = graph.node("Transpose", [maps], f"{name}/channels_first", f"{name}/to_channels_first", perm=[0, 3, 1, 2])
    weights = part.weights.reshape(-1, channels, *repeated.kernel)
    operands = _real_operands(graph, part, maps, weights)
    sums = graph.node("Conv", operands, f"{name}/sums", name, kernel_shape=repeated.kernel, strides=repeated.stride, pads=repeated.padding * 2)
    output = _to_bytes(graph, part, sums)
    if part.mean is not None:
        output = _mean(graph, part, repeated, output)
    elif repeated.pool != (1, 1):
        output = graph.node("MaxPool", [output], f"{name}/pooled", f"{name}/pool", kernel_shape=repeated.pool, strides=repeated.pool, ceil_mode=1)
    return graph.node("Flatten", [output], f"{name}/flat", f"{name}/flatten", axis=1)


def _mean(graph: Graph, part: Numbers, repeated: Convolution, value: str) -> str:
    """Average pooling, one group a map: zeros to whole windows, a Conv with weights 1 and stride = kernel, bytes again."""
    layer, mean, prototypes = part.layer, part.mean, len(part.bias)
    if mean is None or part.output_scale is None:
        raise CheckError(f"layer '{layer.name}' has no mean to write.")
    (wy, wx), (rows, columns), (high, wide) = repeated.pool, repeated.positions, repeated.pooled
    weights, bias = np.full((prototypes, 1, wy, wx), mean.weight, np.int8), np.full(prototypes, mean.bias, np.int32)
    scales = np.full(prototypes, mean.weight_scale, np.float32)
    named = replace(layer, name=f"{layer.name}/mean")
    pooling = Numbers(named, weights, bias, 0, part.output_scale, scales, mean.output_scale)
    pads = [0, 0, high * wy - rows, wide * wx - columns]
    operands = _real_operands(graph, pooling, value, weights)
    sums = graph.node("Conv", operands, f"{named.name}/sums", named.name, kernel_shape=(wy, wx), strides=(wy, wx), pads=pads, group=prototypes)
    return _to_bytes(graph, pooling, sums)


def _real_operands(graph: Graph, part: Numbers, value: str, weights: Array) -> list[str]:
    """Input, weights and bias of a hidden layer through DequantizeLinear: the pattern that runtimes fuse with what follows."""
    name, scale = part.layer.name, np.asarray(part.weight_scale, np.float32)
    zeros = np.zeros(len(scale))
    sources: dict[str, tuple[str, Array, Array]] = {
        "input": (value, np.array(part.input_scale), np.array(part.zero_point, np.uint8)),
        "weight": (graph.constant(f"{name}/weight_s8", weights), scale, zeros.astype(np.int8)),
        "bias": (graph.constant(f"{name}/bias_s32", part.bias), part.input_scale * scale, zeros.astype(np.int32)),
    }
    operands = []
    for what, (source, real_scale, zero_point) in sources.items():
        inputs = [source, graph.constant(f"{name}/{what}_scale", real_scale), graph.constant(f"{name}/{what}_zero_point", zero_point)]
        axis = {} if what == "input" else {"axis": 0}
        operands.append(graph.node("DequantizeLinear", inputs, f"{name}/{what}", f"{name}/dequantize_{what}", **axis))
    return operands


def _to_bytes(graph: Graph, part: Numbers, sums: str) -> str:
    name = part.layer.name
    real = graph.node("Relu", [sums], f"{name}/real", f"{name}/relu")
    scale = graph.constant(f"{name}/output_scale", np.array(part.output_scale))
    zero_point = graph.constant(f"{name}/output_zero_point", np.array(0, np.uint8))
    return graph.node("QuantizeLinear", [real, scale, zero_point], f"{name}/output", f"{name}/quantize_output")


def _last(graph: Graph, part: Numbers, value: str) -> str:
    name = part.layer.name
    operands = [
        value,
        graph.constant(f"{name}/weight_s8", part.weights.T),
        graph.constant(f"{name}/input_zero_point", np.array(part.zero_point, np.uint8)),
        graph.constant(f"{name}/weight_zero_point", np.array(0, np.int8)),
    ]
    sums = graph.node("MatMulInteger", operands, f"{name}/sums", name)
    return graph.node("Add", [sums, graph.constant(f"{name}/bias_s32", part.bias)], "scores", f"{name}/add_bias")
