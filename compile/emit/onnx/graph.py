"""An ONNX model under construction: nodes and initialisers in order, and the bytes of the checked whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from devices.errors import CheckError, NearwireError
from runtime.network.network import Array

OPSET, IR_VERSION = 13, 8  # read by ONNX Runtime 1.10 and later
FILE = "model.onnx"


class Graph:
    """Nodes and initialisers in the order in which they are added."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, name: str, value: Array) -> str:
        self.initializers.append(self.onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, name: str, **attributes: Any) -> str:
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output


def finished(onnx: Any, graph: Graph, inputs: list[Any], outputs: list[Any], stamp: dict[str, str]) -> bytes:
    """The bytes of a model of this graph with this metadata; CheckError if onnx.checker with strict shape inference refuses it."""
    helper = onnx.helper
    model = helper.make_model(
        helper.make_graph(graph.nodes, "nearwire", inputs, outputs, graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="nearwire",
    )
    model.producer_version = stamp["version"]
    helper.set_model_props(model, stamp)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckError(f"{FILE} is not valid ONNX: {error}. This is a fault of nearwire or of onnx {onnx.__version__}.") from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def import_onnx() -> Any:
    """The package onnx with what is used of it; NearwireError with the command that installs it."""
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError as error:
        raise NearwireError(f"writing {FILE} needs the package onnx ({error}). Install it: pip install 'nearwire[compile]'.") from error
    return onnx
