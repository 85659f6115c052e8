"""``model.onnx``: valid, standard, fused by ONNX Runtime, and exact."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings

from bench.support.networks import float_network, integer_network
from compile.emit.onnx.steady import emit, emit_test_data, to_bytes
from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import CheckError, InputError
from runtime.network import reference
from runtime.network.kinds import KINDS
from tests.support.strategies import Case, cases, replicated_cases, spatial_network


def run(content: bytes, samples: np.ndarray) -> np.ndarray:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(["scores"], {"input": samples})[0]


@given(case=cases())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_scores_are_the_references(case: Case) -> None:
    found = run(to_bytes(case.network), case.samples)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, reference.scores(case.network, case.samples))


def test_every_batch_size_gives_the_same_scores() -> None:
    network = integer_network((50, 33, 17, 5), seed=3, zero_point=99)
    samples = np.random.default_rng(0).integers(0, 256, (70, 50)).astype(np.uint8)
    content, expected = to_bytes(network), reference.scores(network, samples)
    for count in (1, 2, 7, 70):
        np.testing.assert_array_equal(run(content, samples[:count]), expected[:count])


@given(case=replicated_cases())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_replicated_layers_are_convolutions_with_the_references_scores(case: Case) -> None:
    np.testing.assert_array_equal(run(to_bytes(case.network), case.samples), reference.scores(case.network, case.samples))


def test_a_spatial_layer_is_written_by_its_weights() -> None:
    network = spatial_network()
    samples = np.random.default_rng(0).integers(0, 256, (40, 30)).astype(np.uint8)
    np.testing.assert_array_equal(run(to_bytes(network), samples), reference.scores(network, samples))


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_written_as_quantisation_leaves_it(kind: str) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (60, 20)).astype(np.uint8)
    network = quantise(freeze(float_network((20, 12, 4), kind)), samples)
    np.testing.assert_array_equal(run(to_bytes(network), samples), reference.scores(network, samples))


def test_it_is_standard_onnx_with_typed_ends_and_a_label(tmp_path: Path) -> None:
    network = integer_network((20, 12, 4), zero_point=7)
    emit(network, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    assert {node.domain for node in model.graph.node} == {""}
    (source,), (target,) = model.graph.input, model.graph.output
    assert (source.name, source.type.tensor_type.elem_type) == ("input", onnx.TensorProto.UINT8)
    assert (target.name, target.type.tensor_type.elem_type) == ("scores", onnx.TensorProto.INT32)
    assert source.type.tensor_type.shape.dim[0].dim_param == "N"
    label = {p.key: p.value for p in model.metadata_props}
    assert (label["producer"], label["stage"], label["input_zero_point"]) == ("nearwire", "quantised", "7")
    assert float(label["input_scale"]) == network.input.scale
    assert json.loads(label["classes"]) == list(network.classes)


def test_onnx_runtime_fuses_each_hidden_layer_to_one_integer_node(tmp_path: Path) -> None:
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(to_bytes(integer_network((40, 30, 20, 4))), options, providers=["CPUExecutionProvider"])
    nodes = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert nodes == ["QGemm", "QGemm", "MatMulInteger", "Add"]


def test_a_replicated_last_layer_is_refused() -> None:
    network = quantise(float_network((20, 12, 4), "replicated"), np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8))
    alone = replace(network.layers[0], activation="none", arrays={k: v for k, v in network.layers[0].arrays.items() if k != "shift"})
    ending = replace(network, layers=(alone,), classes=tuple("abcdefghijkl"))
    with pytest.raises(InputError, match="last layer 'layer0' is of kind 'replicated'.*End with a dense layer"):
        to_bytes(ending)


def test_the_same_network_gives_the_same_bytes() -> None:
    assert to_bytes(integer_network(seed=5)) == to_bytes(integer_network(seed=5))
    assert to_bytes(integer_network(seed=5)) != to_bytes(integer_network(seed=6))


def test_the_test_data_hold_a_sample_and_the_scores_the_file_gives(tmp_path: Path) -> None:
    network = integer_network((20, 12, 4), zero_point=3)
    sample = np.random.default_rng(0).integers(0, 256, 20).astype(np.uint8)
    emit_test_data(network, tmp_path, sample)
    values = []
    for name in ("input_0.pb", "output_0.pb"):
        tensor = onnx.TensorProto.FromString((tmp_path / "test_data_set_0" / name).read_bytes())
        values.append((tensor.name, onnx.numpy_helper.to_array(tensor)))
    assert [name for name, _ in values] == ["input", "scores"]
    np.testing.assert_array_equal(values[0][1], sample[None])
    np.testing.assert_array_equal(values[1][1], run(to_bytes(network), sample[None]))


def test_a_float_network_is_refused() -> None:
    with pytest.raises(InputError, match="stage 'trained' has no integers"):
        to_bytes(float_network())


def test_sums_beyond_int32_are_refused() -> None:
    network = integer_network((20, 12, 4))
    first = network.layers[0].with_arrays(bias=np.full(12, 2**31 - 1, np.int32))
    with pytest.raises(CheckError, match="layer 'layer0': its sums reach"):
        to_bytes(network.with_layers((first, network.layers[1])))
