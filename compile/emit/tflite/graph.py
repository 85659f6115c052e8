"""A TFLite flatbuffer under construction: tensors, operators, aligned buffers, branches, one signature."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from devices.errors import NearwireError
from runtime.network.network import Array

OFFSET = 128  # stored int8 value = byte - OFFSET
MIN_RUNTIME = "2.14.0"  # the oldest runtime the parity tests run
ALIGNMENT = 16  # bytes: what the schema asks of buffers, and what kernels load at once
# Operator versions that tflite-runtime 2.14 and LiteRT 2.3 execute exactly.
VERSIONS = {
    "RIGHT_SHIFT": 1,
    "FULLY_CONNECTED": 5,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "MAX_POOL_2D": 2,
    "PAD": 2,
    "TRANSPOSE": 2,
    "RESHAPE": 1,
    "BATCH_MATMUL": 2,
    "ADD": 1,
    "SUB": 1,
    "MUL": 1,
    "MAXIMUM": 1,
    "MINIMUM": 1,
    "GREATER": 1,
    "SELECT_V2": 1,
    "CAST": 1,
    "IF": 1,
}


class Graph:
    """Tensors, operators and buffers, in the order in which they are added: of the main subgraph, or of a branch within ``branch``."""

    def __init__(self) -> None:
        try:
            from ai_edge_litert import schema_py_generated as schema
        except ImportError as error:
            raise NearwireError(f"writing TFLite needs the package ai-edge-litert ({error}). Install it: pip install 'nearwire[compile]'.") from error
        self.schema: Any = schema
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, "nearwire"
        self.model.buffers, self.model.operatorCodes, self.model.metadata = [schema.BufferT()], [], []  # buffer 0 is the empty one
        self.model.subgraphs = []
        self.subgraph = self._add_subgraph("main")
        self.codes: dict[str, int] = {}

    def buffer(self, content: bytes) -> int:
        self.model.buffers.append(_aligned_buffer(self.schema, content))
        return len(self.model.buffers) - 1

    def tensor(
        self, name: str, shape: tuple[int, ...], dtype: str, data: Array | None = None, scale: Any = None, zero_point: Any = None, axis: int = 0
    ) -> int:
        """Index of a new tensor: computed if ``data`` is None; ``scale`` and ``zero_point`` are one number or one an index of ``axis``."""
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), getattr(self.schema.TensorType, dtype)
        tensor.buffer = 0 if data is None else self.buffer(np.ascontiguousarray(data).tobytes())
        if scale is not None:
            quantization = self.schema.QuantizationParametersT()
            quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
            quantization.zeroPoint = np.atleast_1d(np.asarray(zero_point, np.int64))
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1

    def operator(self, name: str, inputs: list[int], output: int, options_type: str, **options: Any) -> int:
        """Add an operator with the fields of its options table; returns ``output``."""
        if name not in self.codes:
            code = self.schema.OperatorCodeT()
            code.builtinCode = getattr(self.schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)  # where readers before schema 3a look
            code.version = VERSIONS[name]
            self.codes[name] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes[name], inputs, [output]
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options_type)
        operator.builtinOptions = getattr(self.schema, f"{options_type}T")()
        for field, value in options.items():
            setattr(operator.builtinOptions, field, value)
        self.subgraph.operators.append(operator)
        return output

    def metadata(self, name: str, content: bytes) -> None:
        entry = self.schema.MetadataT()
        entry.name, entry.buffer = name, self.buffer(content)
        self.model.metadata.append(entry)

    def stamp(self, properties: Mapping[str, str]) -> None:
        """The metadata of every file: the oldest runtime, and where it comes from and what it computes."""
        self.metadata("min_runtime_version", MIN_RUNTIME.encode().ljust(16, b"\0"))
        self.metadata("nearwire", json.dumps(dict(properties), sort_keys=True).encode())

    @contextmanager
    def branch(self, name: str) -> Iterator[int]:
        """A subgraph of its own, for IF: what is added within the block goes there; yields its index. Set its inputs and outputs with ``ends``."""
        outer, self.subgraph = self.subgraph, self._add_subgraph(name)
        yield len(self.model.subgraphs) - 1
        self.subgraph = outer

    def ends(self, inputs: list[int], outputs: list[int]) -> None:
        """The inputs and outputs of the subgraph that is being built."""
        self.subgraph.inputs, self.subgraph.outputs = inputs, outputs

    def _add_subgraph(self, name: str) -> Any:
        subgraph = self.schema.SubGraphT()
        subgraph.name, subgraph.tensors, subgraph.operators = name, [], []
        self.model.subgraphs.append(subgraph)
        return subgraph

    def to_bytes(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> bytes:
        """The file, its signature with these names of tensors."""
        import flatbuffers

        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs = [self._named(name, index) for name, index in inputs.items()]
        signature.outputs = [self._named(name, index) for name, index in outputs.items()]
        self.model.signatureDefs = [signature]
        self.ends(list(inputs.values()), list(outputs.values()))
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
