"""``model.tflite``: exact in both TFLite libraries, aligned, with a signature."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings

from bench.support.networks import float_network, integer_network
from compile.emit.tflite.graph import ALIGNMENT
from compile.emit.tflite.steady import to_bytes
from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import CheckError, InputError
from runtime.backends.tflite.steady import LIBRARIES, TfliteBackend
from runtime.network import reference
from runtime.network.kinds import KINDS
from tests.support.needs import needs
from tests.support.strategies import Case, build, cases, replicated_cases, spatial_network


@pytest.fixture(params=list(LIBRARIES))
def library(request: pytest.FixtureRequest) -> str:
    needs(TfliteBackend(request.param).missing())
    return str(request.param)


def interpreter(content: bytes, library: str) -> Any:
    made = importlib.import_module(LIBRARIES[library]).Interpreter(model_content=content)
    made.allocate_tensors()
    return made


def run(content: bytes, samples: np.ndarray, library: str) -> np.ndarray:
    made = interpreter(content, library)
    (source,), (target,) = made.get_input_details(), made.get_output_details()
    scores = []
    for sample in samples:
        made.set_tensor(source["index"], (sample.astype(np.int16) - 128).astype(np.int8)[None])
        made.invoke()
        scores.append(made.get_tensor(target["index"])[0])
    return np.array(scores)


@given(case=cases())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_scores_are_the_references(library: str, case: Case) -> None:
    found = run(to_bytes(case.network), case.samples, library)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, reference.scores(case.network, case.samples))


@pytest.mark.parametrize("zero_point", [0, 100, 128, 255])
def test_a_single_layer_reads_the_inputs_zero_point(library: str, zero_point: int) -> None:
    network = integer_network((33, 7), zero_point=zero_point)
    samples = np.random.default_rng(0).integers(0, 256, (20, 33)).astype(np.uint8)
    np.testing.assert_array_equal(run(to_bytes(network), samples, library), reference.scores(network, samples))


def test_a_layer_with_one_output_keeps_its_thresholds(library: str) -> None:
    """TFLite takes another path for one weight scale: its multiplier comes from a float32 product."""
    case = build([3, 1, 1, 2], 0, 0, "largest", [1], 1.0, 0.01, seed=0, samples=8)
    for bias in range(480, 512):
        layers = list(case.network.layers)
        layers[1] = layers[1].with_arrays(weight=np.zeros((1, 1), np.int8), bias=np.array([bias], np.int32))
        network = case.network.with_layers(tuple(layers))
        np.testing.assert_array_equal(run(to_bytes(network), case.samples, library), reference.scores(network, case.samples))


@given(case=replicated_cases())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_replicated_layers_are_convolutions_with_the_references_scores(library: str, case: Case) -> None:
    np.testing.assert_array_equal(run(to_bytes(case.network), case.samples, library), reference.scores(case.network, case.samples))


def test_a_spatial_layer_is_written_by_its_weights(library: str) -> None:
    network = spatial_network()
    samples = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    np.testing.assert_array_equal(run(to_bytes(network), samples, library), reference.scores(network, samples))


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_written_as_quantisation_leaves_it(library: str, kind: str) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (60, 20)).astype(np.uint8)
    network = quantise(freeze(float_network((20, 12, 4), kind)), samples)
    np.testing.assert_array_equal(run(to_bytes(network), samples, library), reference.scores(network, samples))


def test_the_input_says_what_its_integers_mean(library: str) -> None:
    network = integer_network((20, 12, 4), zero_point=50)
    (source,) = interpreter(to_bytes(network), library).get_input_details()
    scale, zero_point = source["quantization"]
    assert (np.float32(scale), zero_point) == (np.float32(network.input.scale), 50 - 128)


def test_the_signature_names_input_and_scores(library: str) -> None:
    network = integer_network((20, 12, 4))
    made = interpreter(to_bytes(network), library)
    assert made.get_signature_list() == {"serving_default": {"inputs": ["input"], "outputs": ["scores"]}}
    sample = np.arange(20, dtype=np.uint8)
    found = made.get_signature_runner()(input=(sample.astype(np.int16) - 128).astype(np.int8)[None])["scores"]
    np.testing.assert_array_equal(found, reference.scores(network, sample[None]))


def test_buffers_are_aligned_and_metadata_readable() -> None:
    network = integer_network((21, 13, 5), zero_point=9)
    content = to_bytes(network)
    model = schema.Model.GetRootAs(content)
    starts = []
    for k in range(model.BuffersLength()):
        buffer = model.Buffers(k)
        if not buffer.DataIsNone():
            table = buffer._tab
            starts.append(table.Vector(table.Offset(4)))
    assert len(starts) >= 7
    assert [start % ALIGNMENT for start in starts] == [0] * len(starts)
    texts = {model.Metadata(k).Name(): bytes(model.Buffers(model.Metadata(k).Buffer()).DataAsNumpy()) for k in range(model.MetadataLength())}
    assert texts[b"min_runtime_version"].rstrip(b"\0") == b"2.14.0"
    label = json.loads(texts[b"nearwire"])
    assert (label["producer"], label["input_zero_point"], json.loads(label["classes"])) == ("nearwire", "9", list(network.classes))


def test_the_same_network_gives_the_same_bytes() -> None:
    assert to_bytes(integer_network(seed=5)) == to_bytes(integer_network(seed=5))
    assert to_bytes(integer_network(seed=5)) != to_bytes(integer_network(seed=6))


def test_a_float_network_is_refused() -> None:
    with pytest.raises(InputError, match="stage 'trained' has no integers"):
        to_bytes(float_network())


def test_doubled_sums_beyond_int32_are_refused() -> None:
    network = integer_network((20, 12, 4))
    first = network.layers[0].with_arrays(bias=np.full(12, 2**30, np.int32))  # fits, but not twice
    with pytest.raises(CheckError, match="layer 'layer0': its sums reach .* in tflite"):
        to_bytes(network.with_layers((first, network.layers[1])))


def test_an_input_scale_that_float32_cannot_hold_is_refused() -> None:
    network = integer_network((20, 12, 4))
    tiny = type(network.input)(network.input.shape, 1e-40, 0)
    with pytest.raises(CheckError, match="the network's input has scale 1e-40"):
        to_bytes(type(network)(network.layers, tiny, network.classes, "quantised"))
