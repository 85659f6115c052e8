"""``model.tflite``: the network as an int8 TFLite graph for TFLite, LiteRT and TFLite Micro-style readers, batch 1.

    input int8 (1, inputs)      byte - 128, zero point z - 128; RIGHT_SHIFT to (byte >> cut) - (128 >> cut) where the network's input is cut
    hidden layer                FULLY_CONNECTED of weights 2w and bias 2b + 1, one weight scale an output -> int8, byte - 128
    replicated layer            the same with CONV_2D, then MAX_POOL_2D, or DEPTHWISE_CONV_2D that adds up the bytes of a window;
                                PAD where the kernel or the last window reaches over the border
    last layer                  RESHAPE -> BATCH_MATMUL int8 x int8 -> int32 -> ADD of an int32 bias
    scores int32 (1, outputs)   the label is the first largest

The doubled sums are odd, so no rounding of any kernel meets a tie (``compile.emit.common.thresholds`` proves each layer). The last layer
multiplies the stored int8 values as they are: LiteRT's BATCH_MATMUL ignores the zero point of its input and TFLite's subtracts it, so the
RESHAPE, which copies the bytes, declares zero point 0 and the bias holds the offset (128, less z) times the row's sum. Signature ``serving_default``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compile.emit.common.numbers import Numbers, numbers, properties
from compile.emit.tflite import step as spiking_tflite
from compile.emit.tflite.graph import OFFSET, Graph
from runtime.network.kinds import kind_of
from runtime.network.kinds.convolution import Convolution
from runtime.network.network import Array, Network

FILE = "model.tflite"


def emit(network: Network, folder: Path) -> None:
    """Write ``folder/model.tflite``: the same bytes for the same network."""
    (folder / FILE).write_bytes(to_bytes(network))


def to_bytes(network: Network) -> bytes:
    """The file's content, a flatbuffer with 16-byte aligned buffers. A spiking network's is one time step: compile/emit/tflite/step.py."""
    if network.spiking is not None:
        return spiking_tflite.to_bytes(network)
    graph = Graph()
    spec = network.input
    first = value = graph.tensor("input", (1, spec.size), "INT8", None, np.float32(spec.scale), spec.zero_point - OFFSET)
    offset = OFFSET >> spec.cut
    if spec.cut:
        bits = graph.tensor("cut", (1, 1), "INT8", np.full((1, 1), spec.cut, np.int8))
        value = graph.tensor("seen", (1, spec.size), "INT8", None, np.float32(spec.step), -offset)
        graph.operator("RIGHT_SHIFT", [first, bits], value, "RightShiftOptions")
    for part in numbers(network, "tflite"):
        value = _last(graph, part, value, offset) if part.weight_scale is None else _hidden(graph, part, value)
        offset = OFFSET
    graph.stamp(properties(network))
    return graph.to_bytes({"input": first}, {"scores": value})


def _hidden(graph: Graph, part: Numbers, value: int) -> int:
    repeated = kind_of(part.layer).convolution(part.layer)
    if repeated is not None:
        return _convolution(graph, part, repeated, value)
    weights, bias = _parameters(graph, part, part.weights)
    output = graph.tensor(f"{part.layer.name}/output", (1, part.layer.outputs), "INT8", None, part.output_scale, -OFFSET)
    return graph.operator("FULLY_CONNECTED", [value, weights, bias], output, "FullyConnectedOptions")


def _parameters(graph: Graph, part: Numbers, weights: Array) -> tuple[int, int]:
    """Tensors of a hidden layer's weights and bias, one scale for each index of axis 0."""
    name, scale = part.layer.name, np.asarray(part.weight_scale, np.float32)
    zeros = np.zeros(len(scale), np.int64)
    return (
        graph.tensor(f"{name}/weight", weights.shape, "INT8", weights, scale, zeros),
        graph.tensor(f"{name}/bias", part.bias.shape, "INT32", part.bias, part.input_scale * scale, zeros),
    )


def _convolution(graph: Graph, part: Numbers, repeated: Convolution, value: int) -> int:
    """A replicated layer: maps to the last axis, PAD with 0.0, CONV_2D, PAD to whole windows, pooling, maps to the first axis again.

    Rounding keeps order, so it may come before the maximum; the second PAD adds byte 0, which changes no maximum and is what a mean counts.
    """
    name, (height, width) = part.layer.name, repeated.grid
    channels, prototypes = repeated.channels, len(part.bias)
    handed = part.mean.output_scale if part.mean else part.output_scale
    (py, px), (ky, kx), (wy, wx) = repeated.padding, repeated.kernel, repeated.pool
    (rows, columns), (high, wide) = repeated.positions, repeated.pooled

    def act(name_: str, shape: tuple[int, ...], scale: np.float32 | None = part.output_scale) -> int:
        return graph.tensor(f"{name}/{name_}", shape, "INT8", None, scale, -OFFSET)

    def constant(name_: str, values: object) -> int:
        array = np.array(values, np.int32)
        return graph.tensor(f"{name}/{name_}", array.shape, "INT32", array)

    def seen(name_: str, shape: tuple[int, ...]) -> int:
        source = graph.subgraph.tensors[value].quantization
        return graph.tensor(f"{name}/{name_}", shape, "INT8", None, source.scale, source.zeroPoint)

    shape = [1, height, width, channels] if repeated.channels_last else [1, channels, height, width]
    now = graph.operator("RESHAPE", [value, constant("grid", shape)], seen("maps", tuple(shape)), "ReshapeOptions", newShape=shape)
    if not repeated.channels_last:
        last = seen("channels_last", (1, height, width, channels))
        now = graph.operator("TRANSPOSE", [now, constant("to_last", [0, 2, 3, 1])], last, "TransposeOptions")
    if (py, px) != (0, 0):
        padded = seen("padded", (1, height + 2 * py, width + 2 * px, channels))
        now = graph.operator("PAD", [now, constant("padding", [[0, 0], [py, py], [px, px], [0, 0]])], padded, "PadOptions")
    valid = graph.schema.Padding.VALID
    weights, bias = _parameters(graph, part, part.weights.reshape(prototypes, channels, ky, kx).transpose(0, 2, 3, 1))
    stride = {"strideH": repeated.stride[0], "strideW": repeated.stride[1]}
    now = graph.operator("CONV_2D", [now, weights, bias], act("sums", (1, rows, columns, prototypes)), "Conv2DOptions", padding=valid, **stride)
    if (wy, wx) != (1, 1):
        if (high * wy, wide * wx) != (rows, columns):
            whole = act("whole_windows", (1, high * wy, wide * wx, prototypes))
            more = constant("to_whole_windows", [[0, 0], [0, high * wy - rows], [0, wide * wx - columns], [0, 0]])
            now = graph.operator("PAD", [now, more], whole, "PadOptions")
        window = {"strideH": wy, "strideW": wx}
        pooled = act("pooled", (1, high, wide, prototypes), handed)
        if part.mean is None:
            now = graph.operator("MAX_POOL_2D", [now], pooled, "Pool2DOptions", padding=valid, **window, filterHeight=wy, filterWidth=wx)
        else:
            scale, zeros = np.full(prototypes, part.mean.weight_scale), np.zeros(prototypes, np.int64)
            ones = np.full((1, wy, wx, prototypes), part.mean.weight, np.int8)
            weight = graph.tensor(f"{name}/mean_weight", ones.shape, "INT8", ones, scale, zeros, axis=3)
            halves = np.full(prototypes, part.mean.bias, np.int32)
            bias = graph.tensor(f"{name}/mean_bias", halves.shape, "INT32", halves, part.output_scale * scale, zeros)
            now = graph.operator(
                "DEPTHWISE_CONV_2D", [now, weight, bias], pooled, "DepthwiseConv2DOptions", padding=valid, depthMultiplier=1, **window
            )
    first = act("channels_first", (1, prototypes, high, wide), handed)
    now = graph.operator("TRANSPOSE", [now, constant("to_first", [0, 3, 1, 2])], first, "TransposeOptions")
    flat = [1, part.layer.outputs]
    return graph.operator("RESHAPE", [now, constant("flat", flat)], act("output", (1, flat[1]), handed), "ReshapeOptions", newShape=flat)


def _last(graph: Graph, part: Numbers, value: int, offset: int) -> int:
    name, outputs, inputs = part.layer.name, part.layer.outputs, part.layer.inputs
    folded = part.bias.astype(np.int64) + (offset - part.zero_point) * part.weights.astype(np.int64).sum(axis=1)
    shape = graph.tensor(f"{name}/shape", (2,), "INT32", np.array([1, inputs], np.int32))
    raw = graph.tensor(f"{name}/input", (1, inputs), "INT8", None, part.input_scale, 0)
    graph.operator("RESHAPE", [value, shape], raw, "ReshapeOptions", newShape=[1, inputs])
    # The weights lie (outputs, inputs), the order in which kernels read them, hence adjY.
    weights = graph.tensor(f"{name}/weight", part.weights.shape, "INT8", part.weights, np.float32(1), 0)
    sums = graph.tensor(f"{name}/sums", (1, outputs), "INT32")
    graph.operator("BATCH_MATMUL", [raw, weights], sums, "BatchMatMulOptions", adjY=True)
    bias = graph.tensor(f"{name}/bias", (1, outputs), "INT32", folded.astype(np.int32)[None])
    return graph.operator("ADD", [sums, bias], graph.tensor("scores", (1, outputs), "INT32"), "AddOptions")
