"""``model.tflite``: the network as an int8 TFLite graph for TFLite, LiteRT and TFLite Micro-style readers, batch 1.

    input int8 (1, inputs)      byte - 128, zero point z - 128; RIGHT_SHIFT to (byte >> cut) - (128 >> cut) where the network's input is cut
    hidden layer                FULLY_CONNECTED of weights 2w and bias 2b + 1, one weight scale an output -> int8, byte - 128
    last layer                  RESHAPE -> BATCH_MATMUL int8 x int8 -> int32 -> ADD of an int32 bias
    scores int32 (1, outputs)   the label is the first largest

The doubled sums are odd, so no rounding of any kernel meets a tie (``compile.emit.thresholds`` proves each layer). The last layer
multiplies the stored int8 values as they are: LiteRT's BATCH_MATMUL ignores the zero point of its input and TFLite's subtracts it, so the
RESHAPE, which copies the bytes, declares zero point 0 and the bias holds the offset (128, less z) times the row's sum. Signature ``serving_default``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.numbers import Numbers, numbers, properties
from devices.errors import NearwireError
from runtime.network import Array, Network

FILE = "model.tflite"
ALIGNMENT = 16  # bytes: what the schema asks of buffers, and what kernels load at once
OFFSET = 128  # stored int8 value = byte - OFFSET
VERSIONS = {
    "RIGHT_SHIFT": 1,
    "FULLY_CONNECTED": 5,
    "RESHAPE": 1,
    "BATCH_MATMUL": 2,
    "ADD": 1,
}  # what tflite-runtime 2.14 and LiteRT 2.3 execute exactly
MIN_RUNTIME = "2.14.0"  # the oldest runtime the parity tests run


def emit(network: Network, folder: Path) -> None:
    """Write ``folder/model.tflite``: the same bytes for the same network."""
    (folder / FILE).write_bytes(to_bytes(network))


def to_bytes(network: Network) -> bytes:
    """The file's content, a flatbuffer with 16-byte aligned buffers."""
    graph = _Graph()
    spec = network.input
    first = value = graph.tensor("input", (1, spec.size), "INT8", None, np.float32(spec.scale), spec.zero_point - OFFSET)
    offset = OFFSET >> spec.cut
    if spec.cut:
        bits = graph.tensor("cut", (1, 1), "INT8", np.full((1, 1), spec.cut, np.int8))
        value = graph.tensor("seen", (1, spec.size), "INT8", None, np.float32(spec.step), -offset)
        graph.operator("RIGHT_SHIFT", [first, bits], value, graph.schema.RightShiftOptionsT(), "RightShiftOptions")
    for part in numbers(network, "tflite"):
        value = _last(graph, part, value, offset) if part.weight_scale is None else _hidden(graph, part, value)
        offset = OFFSET
    graph.metadata("min_runtime_version", MIN_RUNTIME.encode().ljust(16, b"\0"))
    graph.metadata("nearwire", json.dumps(properties(network), sort_keys=True).encode())
    return graph.to_bytes(first, value)


def _hidden(graph: _Graph, part: Numbers, value: int) -> int:
    name, zeros = part.layer.name, np.zeros(part.layer.outputs, np.int64)
    scale = np.asarray(part.weight_scale, np.float32)
    weights = graph.tensor(f"{name}/weight", part.weights.shape, "INT8", part.weights, scale, zeros)
    bias = graph.tensor(f"{name}/bias", part.bias.shape, "INT32", part.bias, part.input_scale * scale, zeros)
    output = graph.tensor(f"{name}/output", (1, part.layer.outputs), "INT8", None, part.output_scale, -OFFSET)
    graph.operator("FULLY_CONNECTED", [value, weights, bias], output, graph.schema.FullyConnectedOptionsT(), "FullyConnectedOptions")
    return output


def _last(graph: _Graph, part: Numbers, value: int, offset: int) -> int:
    name, outputs, inputs = part.layer.name, part.layer.outputs, part.layer.inputs
    folded = part.bias.astype(np.int64) + (offset - part.zero_point) * part.weights.astype(np.int64).sum(axis=1)

    reshape = graph.schema.ReshapeOptionsT()
    reshape.newShape = [1, inputs]
    shape = graph.tensor(f"{name}/shape", (2,), "INT32", np.array([1, inputs], np.int32))
    raw = graph.tensor(f"{name}/input", (1, inputs), "INT8", None, part.input_scale, 0)
    graph.operator("RESHAPE", [value, shape], raw, reshape, "ReshapeOptions")

    weights = graph.tensor(f"{name}/weight", part.weights.shape, "INT8", part.weights, np.float32(1), 0)
    multiply = graph.schema.BatchMatMulOptionsT()
    multiply.adjY = True  # the weights lie (outputs, inputs), the order in which kernels read them
    sums = graph.tensor(f"{name}/sums", (1, outputs), "INT32")
    graph.operator("BATCH_MATMUL", [raw, weights], sums, multiply, "BatchMatMulOptions")

    bias = graph.tensor(f"{name}/bias", (1, outputs), "INT32", folded.astype(np.int32)[None])
    scores = graph.tensor("scores", (1, outputs), "INT32")
    graph.operator("ADD", [sums, bias], scores, graph.schema.AddOptionsT(), "AddOptions")
    return scores


class _Graph:
    """Tensors, operators and buffers of one subgraph, in the order in which they are added."""

    def __init__(self) -> None:
        try:
            from ai_edge_litert import schema_py_generated as schema
        except ImportError as error:
            raise NearwireError(f"writing {FILE} needs the package ai-edge-litert ({error}). Install it: pip install 'nearwire[compile]'.") from error
        self.schema: Any = schema
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, "nearwire"
        self.model.buffers, self.model.operatorCodes, self.model.metadata = [schema.BufferT()], [], []  # buffer 0 is the empty one
        self.subgraph = schema.SubGraphT()
        self.subgraph.name, self.subgraph.tensors, self.subgraph.operators = "main", [], []
        self.codes: dict[str, int] = {}

    def buffer(self, content: bytes) -> int:
        self.model.buffers.append(_aligned_buffer(self.schema, content))
        return len(self.model.buffers) - 1

    def tensor(self, name: str, shape: tuple[int, ...], dtype: str, data: Array | None = None, scale: Any = None, zero_point: Any = None) -> int:
        """Index of a new tensor: computed if ``data`` is None; ``scale`` and ``zero_point`` are one number or one an output (axis 0)."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), getattr(self.schema.TensorType, dtype)
        tensor.buffer = 0 if data is None else self.buffer(np.ascontiguousarray(data).tobytes())
        if scale is not None:
            quantization = self.schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
            quantization.zeroPoint = np.atleast_1d(np.asarray(zero_point, np.int64))
            tensor.quantization = quantization
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def operator(self, name: str, inputs: list[int], output: int, options: Any, options_type: str) -> None:
        if name not in self.codes:
            code = self.schema.OperatorCodeT()
            code.builtinCode = getattr(self.schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)  # where readers before schema 3a look
            code.version = VERSIONS[name]
            self.codes[name] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes[name], inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = getattr(self.schema.BuiltinOptions, options_type), options
        self.subgraph.operators.append(operator)

    def metadata(self, name: str, content: bytes) -> None:
        entry = self.schema.MetadataT()
        entry.name, entry.buffer = name, self.buffer(content)
        self.model.metadata.append(entry)

    def to_bytes(self, first: int, last: int) -> bytes:
        import flatbuffers

        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs, signature.outputs = [self._named("input", first)], [self._named("scores", last)]
        self.model.signatureDefs = [signature]
        self.subgraph.inputs, self.subgraph.outputs = [first], [last]
        self.model.subgraphs = [self.subgraph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _named(self, name: str, index: int) -> Any:
        entry = self.schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        return entry


def _aligned_buffer(schema: Any, content: bytes) -> Any:
    """A BufferT whose data starts at a multiple of ALIGNMENT in the file; the generated Pack ignores the schema's force_align."""

    class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
        def Pack(self, builder: Any) -> Any:
            builder.StartVector(1, len(content), ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            data = builder.EndVector()
            schema.BufferStart(builder)
            schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    return AlignedBuffer()
