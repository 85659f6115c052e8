"""model.nir: read by the official package, it holds the network; replayed in snnTorch and by NIR's own equations, it spikes as runtime's float form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

from bench.support.networks import float_network, spiking_integers, spiking_network
from bench.support.nir_replay import by_euler, by_snntorch
from compile.__main__ import main
from compile.emit import nir as emit
from devices.errors import InputError
from runtime.network.file import save
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.spiking import integers
from runtime.network.spiking.coding import encode
from runtime.network.spiking.floating import lif

SAFE = 1e-4  # membrane units: a sum in another order moves a membrane by less


def expected(network: Network, u: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Spikes of every layer, and which samples keep all membranes away from their thresholds, so that no order of sums can move a spike."""
    assert network.spiking is not None
    value = network.input.to_real(u)
    spikes: list[np.ndarray] = []
    safe = np.ones(len(u), bool)
    for k, layer in enumerate(network.layers):
        own = replace(network.spiking, **{name: layer.options[name] for name in ("beta", "threshold") if name in layer.options})
        sums = kind_of(layer).float_sums(layer)
        current = sums(value) if k == 0 else sums(value.reshape(-1, layer.inputs)).reshape(own.steps, len(u), -1)
        value, membranes = lif(current, own, steady=k == 0)
        spikes.append(value.astype(np.uint8))
        safe &= (np.abs(membranes - own.threshold) > SAFE).all(axis=(0, 2))
    return spikes, safe


def samples(network: Network, count: int = 1000) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, network.input.size)).astype(np.uint8)


@pytest.mark.parametrize("kind", ["dense", "spatial", "field"])
@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_the_file_spikes_in_snntorch_as_here(tmp_path: Path, kind: str, reset: str) -> None:
    network = spiking_network(kind, steps=8)
    assert network.spiking is not None
    network = replace(network, spiking=replace(network.spiking, reset=reset))
    emit.write(network, tmp_path / "n.nir")
    u = samples(network)
    wanted, safe = expected(network, u)
    assert safe.mean() > 0.7
    assert all(0.02 < layer.mean() < 0.9 for layer in wanted)
    found = by_snntorch(nir.read(tmp_path / "n.nir"), np.repeat(network.input.to_real(u)[None], network.spiking.steps, axis=0))
    for k, spikes in enumerate(wanted):
        np.testing.assert_array_equal(found[f"layer{k}_lif"][:, safe], spikes[:, safe])


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_nir_s_own_equations_with_the_reset_in_the_graph_give_the_same_spikes(tmp_path: Path, reset: str) -> None:
    network = spiking_network(sizes=(20, 12, 8, 4), steps=8)
    assert network.spiking is not None
    network = replace(network, spiking=replace(network.spiking, reset=reset))
    emit.write(network, tmp_path / "n.nir", dt=1e-3, explicit_reset=True)
    graph = nir.read(tmp_path / "n.nir")
    assert emit.metadata(graph)["reset_in_graph"] is True
    u = samples(network)
    wanted, safe = expected(network, u)
    found = by_euler(graph, np.repeat(network.input.to_real(u)[None], network.spiking.steps, axis=0), 1e-3)
    for k, spikes in enumerate(wanted):
        node = f"layer{k}_threshold" if reset == "subtract" else f"layer{k}_lif"
        np.testing.assert_array_equal(found[node][:, safe], spikes[:, safe])
    plain = by_euler(_plain(network), np.repeat(network.input.to_real(u)[None], network.spiking.steps, axis=0), emit.DT)
    same = all(np.array_equal(plain[f"layer{k}_lif"][:, safe], spikes[:, safe]) for k, spikes in enumerate(wanted))
    assert same == (reset == "zero")  # LIF's own reset is the one to zero, so the metadata is needed for the other


def _plain(network: Network) -> nir.NIRGraph:
    return emit.graph(network)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95, 1.0])
def test_a_reader_gets_the_arrays_and_the_constants(tmp_path: Path, beta: float) -> None:
    network = spiking_network(steps=3, beta=beta, threshold=0.7, reset="zero", readout="count")
    emit.emit(network, tmp_path)
    first = (tmp_path / "model.nir").read_bytes()
    graph, told = nir.read(tmp_path / "model.nir"), emit.metadata(nir.read(tmp_path / "model.nir"))
    for layer in network.layers:
        node, neuron = graph.nodes[layer.name], graph.nodes[f"{layer.name}_lif"]
        np.testing.assert_array_equal(node.weight, layer.arrays["weight"])
        np.testing.assert_array_equal(node.bias, layer.arrays["bias"])
        np.testing.assert_array_equal((1 - told["dt"] / neuron.tau).astype(np.float32), np.float32(beta))
        np.testing.assert_allclose(neuron.r * told["dt"] / neuron.tau, 1, rtol=1e-12)
        np.testing.assert_array_equal(neuron.v_threshold, 0.7)
        assert (neuron.metadata["beta"], neuron.metadata["reset"]) == (beta, "zero")
    wanted = {"steps": 3, "beta": [beta] * 2, "threshold": [0.7] * 2, "reset": "zero", "coding": "direct", "readout": "count", "dt": 1e-4}
    assert {name: told[name] for name in wanted} == wanted
    emit.emit(network, tmp_path)
    assert (tmp_path / "model.nir").read_bytes() == first


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_an_integer_network_is_written_in_membrane_steps(tmp_path: Path, coding: str) -> None:
    network = spiking_integers(spiking_network("field", steps=8, coding=coding, reset="zero"))
    emit.emit(network, tmp_path)
    graph, u = nir.read(tmp_path / "model.nir"), samples(network)
    assert emit.metadata(graph)["threshold"] == [layer.options["threshold"] for layer in network.layers]
    inputs = np.repeat(network.input.to_real(u)[None], 8, axis=0) if coding == "direct" else encode(u, network.spiking).astype(np.float32)
    found, wanted = by_snntorch(graph, inputs), integers.run(network, u)
    for k, spikes in enumerate(wanted.spikes):
        assert 0.01 < spikes.mean() < 0.9
        assert (found[f"layer{k}_lif"] != spikes).mean() < 0.002  # the graph does not round membranes


def test_the_command_writes_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(spiking_network(), tmp_path / "n.safetensors")
    save(float_network(), tmp_path / "relu.safetensors")
    arguments = ["nir", str(tmp_path / "n.safetensors"), "--out", str(tmp_path / "new" / "n.nir"), "--json"]
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 0
    assert json.loads(capsys.readouterr().out)["layers"][1]["neurons"] == 4
    assert nir.read(tmp_path / "new" / "n.nir").nodes["layer0"].weight.shape == (12, 20)
    for source, more, word in (("relu", [], "lif"), ("n", ["--dt", "0"], "time step"), ("absent", [], "no network")):
        with pytest.raises(SystemExit) as done:
            main(["nir", str(tmp_path / f"{source}.safetensors"), "--out", str(tmp_path / "x.nir"), *more])
        assert done.value.code == 2
        assert word in capsys.readouterr().err
        assert not (tmp_path / "x.nir").exists()
    with pytest.raises(InputError, match="does not spike"):
        emit.to_bytes(float_network())


def test_a_build_of_a_network_that_does_not_spike_has_no_nir(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["zoo:digits-field", "--nir", "--out", str(tmp_path / "build")])
    assert done.value.code == 2
    assert "does not spike" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()
