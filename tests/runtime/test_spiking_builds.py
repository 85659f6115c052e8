"""Spiking builds, executed: every backend tells the law's spikes, state goes from one to another, and commands and errors are the usual ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

import runtime
from bench.support.networks import spiking_integers, spiking_network
from compile.emit.c import steady as c
from compile.emit.onnx import steady as onnx
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from compile.proof.verify import require, verify
from devices.errors import CheckError, InputError
from runtime.__main__ import main
from runtime.backends import backend
from runtime.backends.firmware.backend import FirmwareBackend
from runtime.data.dataset import load_dataset
from runtime.network.check import validate
from runtime.network.file import save
from runtime.network.network import Network
from runtime.network.spiking import integers
from tests.support.builds import Zoo

SHAPE = (8, 8)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of a network of random weights that reads scikit-learn's digits, with its NIR file."""
    place, data = tmp_path_factory.mktemp("spiking"), load_dataset("digits")
    network = spiking_network("dense", (64, 14, 10), readout="membrane")
    network = replace(network, input=data.spec, provenance={"data": "digits"}, classes=data.classes)
    save(validate(network), place / "network.safetensors")
    compile_network(place / "network.safetensors", place / "build", CompileOptions(nir=True, firmware_samples=10))
    return place / "build"


def digits(count: int) -> np.ndarray:
    return np.ascontiguousarray(load_dataset("digits").test.x[:count]).reshape(count, -1)


def placed(network: Network, *stores: str, lead: int | None = None) -> Network:
    layers = tuple(replace(layer, store=stores[k % len(stores)]) for k, layer in enumerate(network.layers))
    assert network.spiking is not None
    return validate(replace(network, layers=layers, stage="stored", spiking=replace(network.spiking, exit_lead=lead)))


CASES = {
    "steady, events": ({"reset": "subtract", "readout": "count"}, ("dense_s8", "events_s8"), None),
    "boxes, bytes": ({"kind": "field", "reset": "zero", "readout": "membrane"}, ("boxes_s8", "dense_s8", "csr_s8"), None),
    "early exit": ({"reset": "zero", "readout": "first", "coding": "latency"}, ("events_s8",), 0),
    "rate, early exit": ({"coding": "rate", "readout": "count"}, ("events_s8", "dense16_s8"), 1),
}


@pytest.mark.parametrize("name", CASES)
def test_the_c_code_spikes_as_the_law_here_and_on_an_emulated_core(tmp_path: Path, name: str) -> None:
    constants, stores, lead = CASES[name]
    network = spiking_network(**{"sizes": (20, 12, 9, 4), "steps": 8, "kind": "dense", **constants})  # type: ignore[arg-type]
    network = placed(spiking_integers(network), *stores, lead=lead)
    c.emit(network, tmp_path)
    u = np.random.default_rng(3).integers(0, 256, (60, 20)).astype(np.uint8)
    wanted = integers.run(network, u)
    live = (np.arange(8)[:, None] < wanted.executed)[..., None]
    assert lead is None or wanted.executed.min() < 8
    for chosen in (backend("c"), FirmwareBackend("emulated-cortex-m4")):
        with chosen.open(tmp_path, network) as session:
            np.testing.assert_array_equal(session.scores(u), wanted.scores)
            for found, spikes in zip(session.spikes(u), wanted.spikes, strict=True):
                assert 0.01 < spikes.mean() < 0.9
                np.testing.assert_array_equal(found, spikes * live)


def test_all_backends_of_a_build_tell_the_same_spikes_and_hand_states_over(build: Path) -> None:
    images = digits(20)
    names = ("reference", "onnxruntime", "tflite", "c", "firmware")
    told = {}
    for name in names:
        with runtime.load(build, name) as session:
            told[name] = session.spikes(images)
            scores = session.run_batch(images)
    for name in names[1:]:
        for found, wanted in zip(told[name], told["reference"], strict=True):
            np.testing.assert_array_equal(found, wanted)
    with runtime.load(build, "onnxruntime") as one, runtime.load(build, "tflite") as other, runtime.load(build, "reference") as third:
        state = one.begin(images)
        while not state.done:
            state = (one, other, third)[state.step % 3].step(state)
            np.testing.assert_array_equal(state.spikes[0], told["reference"][0][state.step - 1])
        np.testing.assert_array_equal(state.scores, scores)
        alone = one.step(one.begin(images[0].reshape(SHAPE) / 16.0 if one.input_shape == SHAPE else images[0]))
        assert alone.scores.shape == (1, 10)
        with pytest.raises(InputError, match="shape"):
            one.begin(images[:, :5])


def test_a_build_whose_spikes_differ_is_refused(build: Path, tmp_path: Path) -> None:
    with runtime.load(build, "reference") as session:
        network = session.build.network
    place = tmp_path / "other"
    shutil.copytree(build, place, ignore=shutil.ignore_patterns("manifest.json"))
    first = network.layers[0]
    onnx.emit(network.with_layers((first.with_options(threshold=first.options["threshold"] + 200), *network.layers[1:])), place)
    parities = verify(place, network, digits(30), ["onnxruntime", "tflite"])
    assert parities["tflite"].exact
    assert parities["tflite"].spike_samples == 30
    assert parities["onnxruntime"].spike_mismatches > 0
    with pytest.raises(CheckError, match="spikes of 30 samples differ"):
        require(parities)


def test_what_has_no_steps_says_so(build: Path, zoo: Zoo) -> None:
    with runtime.load(build, "c") as session, pytest.raises(InputError, match="onnxruntime"):
        session.begin(digits(1))
    for name in ("reference", "c", "onnxruntime"):
        with runtime.load(zoo.build("digits-field"), name) as session:
            with pytest.raises(InputError, match="does not spike"):
                session.begin(digits(1))
            with pytest.raises(InputError, match="spik"):
                session.spikes(digits(1))


def test_the_build_says_what_spikes_in_it(build: Path) -> None:
    manifest = json.loads((build / "manifest.json").read_text())
    assert {"model.nir", "test_data_set_0/input_0.pb", "test_data_set_1/output_0.pb"} <= set(manifest["files"])
    with runtime.load(build, "reference") as session:
        network = session.build.network
    wanted = {"steps": 6, "reset": "subtract", "coding": "direct", "readout": "membrane", "exit_lead": None, "dt": "1 step"}
    assert {name: manifest["spiking"][name] for name in wanted} == wanted
    assert manifest["spiking"]["threshold"] == [layer.options["threshold"] for layer in network.layers]
    assert manifest["spiking"]["decay"] == [layer.options["decay"] for layer in network.layers]
    told = {name: (record["spike_samples"], record["spike_mismatches"]) for name, record in manifest["parity"].items()}
    assert told == {"c": (100, 0), "onnxruntime": (100, 0), "tflite": (100, 0), "firmware": (10, 0)}
    assert all("every spike of every neuron" in (build / name).read_text() for name in ("report.md", "report.html"))
    np.testing.assert_array_equal(nir.read(build / "model.nir").nodes["layer1"].weight.shape, (10, 14))


@pytest.mark.parametrize("name", ["reference", "onnxruntime", "tflite"])
def test_the_commands_work_on_it(build: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["run", "--accuracy"], ["profile"], ["bench", "--num_runs", "20", "--warmup_runs", "2"]):
        with pytest.raises(SystemExit) as done:
            main([arguments[0], str(build), "--backend", name, "--json", *arguments[1:]])
        assert done.value.code == 0
        found = json.loads(capsys.readouterr().out)
        assert arguments[0] != "run" or found["label_mismatches"] == 0


def test_run_writes_every_spike_and_refuses_where_there_are_none(build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["run", str(build), "--backend", "onnxruntime", "--count", "7", "--spikes", str(tmp_path / "new" / "spikes.npz")])
    assert done.value.code == 0
    with runtime.load(build, "reference") as session, np.load(tmp_path / "new" / "spikes.npz") as found:
        for layer, wanted in zip(session.build.network.layers, session.spikes(digits(7)), strict=True):
            np.testing.assert_array_equal(found[layer.name], wanted)
    for arguments, word in ((["--spikes", str(tmp_path / "x.txt")], ".npz"), (["--spikes", str(tmp_path)], "folder")):
        with pytest.raises(SystemExit) as done:
            main(["run", str(build), *arguments])
        assert done.value.code == 2
        assert word in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
