"""model.onnx and model.tflite of spiking networks: the law, spike for spike, membrane for membrane; state; test data; metadata; refusals."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import ai_edge_litert.interpreter
import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest

from bench.support.networks import spiking_integers, spiking_network
from compile.emit.onnx import steady as emit
from compile.emit.onnx import step as spiking_onnx
from compile.emit.tflite import steady as tflite
from devices.errors import CheckError, InputError
from runtime.backends import backend
from runtime.backends.onnx.step import OnnxSpikingSession
from runtime.backends.registry import stepping
from runtime.backends.stepping import SpikingSession
from runtime.network.file import save
from runtime.network.network import Network
from runtime.network.spiking import integers
from runtime.network.spiking.constants import CODINGS, READOUTS, RESETS

COUNT = 40


def emitted(folder: Path, network: Network) -> Network:
    emit.emit(network, folder)
    tflite.emit(network, folder)
    save(network, folder / "network.safetensors")
    return network


def opened(folder: Path, network: Network, name: str = "onnxruntime") -> SpikingSession:
    session = backend(name).open(folder, network)
    assert isinstance(session, SpikingSession)
    return session


def random_bytes(network: Network, count: int = COUNT, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, network.input.size)).astype(np.uint8)


def check_every_step(session: SpikingSession, network: Network, u: np.ndarray) -> integers.Trace:
    """Every spike and membrane of every neuron at every step, and the scores, against the law."""
    wanted = integers.run(network, u)
    state = session.begin(u)
    assert network.spiking is not None
    for t in range(network.spiking.steps):
        state = session.step(state)
        for k in range(len(network.layers)):
            np.testing.assert_array_equal(state.spikes[k], wanted.spikes[k][t])
            np.testing.assert_array_equal(state.membranes[k], wanted.membranes[k][t])
    np.testing.assert_array_equal(state.scores, wanted.scores)
    np.testing.assert_array_equal(state.executed, wanted.executed)
    assert state.done
    return wanted


KINDS_AND_INPUTS = [("dense", 0, 0), ("spatial", 0, 0), ("field", 0, 0), ("dense", 30, 0), ("field", 0, 4)]
CASES = [
    (kind, zero_point, cut, reset, coding, readout)
    for (kind, zero_point, cut), reset, coding, readout in itertools.product(KINDS_AND_INPUTS, RESETS, CODINGS, READOUTS)
    if coding == "direct" or not (zero_point or cut)
]


@pytest.mark.parametrize(("kind", "zero_point", "cut", "reset", "coding", "readout"), CASES)
def test_every_spike_is_the_law_s(tmp_path: Path, kind: str, zero_point: int, cut: int, reset: str, coding: str, readout: str) -> None:
    network = spiking_network(kind, (20, 12, 8, 4), reset=reset, coding=coding, readout=readout, steps=7)
    network = replace(network, input=replace(network.input, zero_point=zero_point, cut=cut))
    network = emitted(tmp_path, spiking_integers(network))
    u = random_bytes(network)
    early = replace(network, spiking=replace(network.spiking, exit_lead=1))
    older = ["tflite-runtime"] if (kind, zero_point, readout) == ("dense", 0, "membrane") else []  # slow to open without a manifest
    for name in [*stepping(), *older]:
        session = opened(tmp_path, network, name)
        wanted = check_every_step(session, network, u)
        assert 0.01 < np.mean([each.mean() for each in wanted.spikes]) < 0.9
        np.testing.assert_array_equal(session.scores(u), wanted.scores)
        assert session.scores(u).dtype == np.int32
        quick = opened(tmp_path, early, name)
        wanted = check_every_step(quick, early, u)
        np.testing.assert_array_equal(quick.scores(u), wanted.scores)
        assert wanted.executed.min() < 7 or readout == "count"


@pytest.mark.parametrize("name", ["onnxruntime", "litert", "tflite-runtime"])
@pytest.mark.parametrize("beta", [0.0, 1.0])
@pytest.mark.parametrize("reset", RESETS)
def test_the_ends_of_the_ranges_saturate_as_the_law_says(tmp_path: Path, beta: float, reset: str, name: str) -> None:
    network = spiking_integers(spiking_network(reset=reset, steps=30, beta=beta))
    first, second = network.layers
    first = first.with_arrays(shift=np.full(12, 1, np.uint8), bias=np.where(np.arange(12) % 2, -(2**20), 2**20).astype(np.int32))
    second = second.with_options(threshold=16383, lift=12).with_arrays(bias=np.array([-3000, 3000, 0, 63], np.int32))
    network = emitted(tmp_path, network.with_layers((first, second)))
    wanted = check_every_step(opened(tmp_path, network, name), network, random_bytes(network))
    seen = np.concatenate([each.ravel() for each in wanted.membranes])
    assert (seen.min(), seen.max()) == (integers.MEMBRANE_MIN, integers.MEMBRANE_MAX)


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_the_test_data_holds_and_other_tools_read_the_file(tmp_path: Path, coding: str) -> None:
    network = emitted(tmp_path, spiking_integers(spiking_network("field", coding=coding, reset="zero", readout="count")))
    u = random_bytes(network, 3)
    emit.emit_test_data(network, tmp_path, u)
    content = (tmp_path / "model.onnx").read_bytes()
    for number in (0, 1):
        place = tmp_path / f"test_data_set_{number}"
        tensors = {
            what: [onnx.TensorProto.FromString((place / f"{what}_{k}.pb").read_bytes()) for k in range(len(list(place.glob(f"{what}_*.pb"))))]
            for what in ("input", "output")
        }
        feed = {each.name: onnx.numpy_helper.to_array(each) for each in tensors["input"]}
        session = onnxruntime.InferenceSession(content)
        assert [port.name for port in session.get_inputs()] == list(feed)
        assert [port.name for port in session.get_outputs()] == [each.name for each in tensors["output"]]
        assert number == 0 or any(feed[f"{layer.name}/membrane"].any() for layer in network.layers)
        for runner in (session, onnx.reference.ReferenceEvaluator(onnx.load_from_string(content))):
            for found, wanted in zip(runner.run(None, feed), tensors["output"], strict=True):
                np.testing.assert_array_equal(found, onnx.numpy_helper.to_array(wanted))
    told = spiking_onnx.described(content)
    assert (told["reset"], told["coding"], told["readout"], told["steps"]) == ("zero", coding, "count", "6")
    assert json.loads(told["decay"]) == [layer.options["decay"] for layer in network.layers]
    assert json.loads(told["threshold"]) == [layer.options["threshold"] for layer in network.layers]
    assert emit.to_bytes(network) == content
    interpreter = ai_edge_litert.interpreter.Interpreter(model_content=tflite.to_bytes(network))
    assert {"output", "layer1/spikes", "layer1/membrane_next"} <= set(interpreter.get_signature_list()["serving_default"]["outputs"])
    text = (tmp_path / "model.tflite").read_bytes()
    kept = json.JSONDecoder().raw_decode(text[text.index(b'{"beta"') :].decode("latin1"))[0]
    assert {name: kept[name] for name in ("steps", "decay", "threshold")} == {name: told[name] for name in ("steps", "decay", "threshold")}


def test_a_state_goes_on_where_it_was_and_another_network_s_is_refused(tmp_path: Path) -> None:
    network = emitted(tmp_path, spiking_integers(spiking_network(steps=5)))
    u = random_bytes(network)
    session = opened(tmp_path, network)
    state = session.step(session.step(session.begin(u)))
    again = backend("reference").open(tmp_path, network)  # nothing is kept in a session, and the state is of the network, not of a backend
    assert isinstance(again, SpikingSession)
    np.testing.assert_array_equal(again.scores(u), check_every_step(again, network, u).scores)
    one = replace(state, **{name: getattr(state, name)[:1] for name in ("inputs", "current", "scores", "executed")})
    one = replace(one, membranes=tuple(each[:1] for each in state.membranes), spikes=tuple(each[:1] for each in state.spikes))
    for _ in range(3):
        state, one = again.step(state), session.step(one)
    np.testing.assert_array_equal(state.scores, integers.run(network, u).scores)
    np.testing.assert_array_equal(one.scores, state.scores[:1])
    with pytest.raises(InputError, match="none left"):
        session.step(state)
    (tmp_path / "other").mkdir()
    other = emitted(tmp_path / "other", spiking_integers(spiking_network(steps=5, seed=3)))
    with pytest.raises(InputError, match="another network"):
        opened(tmp_path / "other", other).step(session.begin(u))
    with pytest.raises(InputError, match="membranes of shapes"):
        session.step(replace(session.begin(u), membranes=session.begin(u[:1]).membranes))
    with pytest.raises(InputError, match="samples"):
        session.begin(u[:, :5])


@pytest.mark.parametrize("name", ["onnxruntime", "litert", "tflite-runtime"])
def test_a_file_of_another_network_is_refused_and_times_are_there(tmp_path: Path, name: str) -> None:
    network = emitted(tmp_path, spiking_integers(spiking_network("dense", (20, 12, 8, 4))))
    session = opened(tmp_path, network, name)
    assert name in session.detail
    assert (session.time_ns(random_bytes(network)[0], 3) > 0).all()
    assert session.layers(random_bytes(network, 2))[0].time_us
    assert network.spiking is not None
    other = [replace(network, spiking=replace(network.spiking, coding="rate")), spiking_integers(spiking_network("dense", (20, 12, 4)))]
    for changed in other:
        with pytest.raises(InputError, match="Compile the network again"):
            opened(tmp_path, changed, name)


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_litert_has_a_figure_an_operator(tmp_path: Path, coding: str) -> None:
    network = emitted(tmp_path, spiking_integers(spiking_network("dense", coding=coding, readout="count")))
    figures = opened(tmp_path, network, "litert").layers(random_bytes(network, 1))
    notes = [figure.note for figure in figures]
    assert notes.count("BATCH_MATMUL") == len(network.layers)
    assert "IF" not in notes
    assert {"layer0/sums", "layer1/current", "layer1/membrane_next", "layer1/spikes", "output"} <= {figure.name for figure in figures}
    assert ("layer0/current_held" in {figure.name for figure in figures}) == (coding == "direct")


def test_onnx_says_what_it_is_of_and_has_a_figure_a_node(tmp_path: Path) -> None:
    network = emitted(tmp_path, spiking_integers(spiking_network("dense", (20, 12, 8, 4))))
    session = opened(tmp_path, network)
    assert isinstance(session, OnnxSpikingSession)
    names = [figure.name for figure in session.layers(random_bytes(network, 2))]
    assert {"layer0", "layer1", "layer2", "layer2/fire"} <= set(names)
    assert "layer0/once" not in names
    assert network.spiking is not None
    for changed in (replace(network.spiking, reset="zero"), replace(network.spiking, steps=9)):
        with pytest.raises(InputError, match="Compile the network again"):
            opened(tmp_path, replace(network, spiking=changed))
    with pytest.raises(InputError, match="integers"):
        emit.to_bytes(spiking_network())
    with pytest.raises(CheckError, match="layer0"):
        emit.to_bytes(network.with_layers((network.layers[0].with_arrays(bias=np.full(12, 2**30, np.int32)), *network.layers[1:])))
