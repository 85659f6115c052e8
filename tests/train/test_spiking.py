"""Spiking networks: the same numbers as snnTorch, forward and backward; files that compute what the model computes; compile's refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import snntorch
import snntorch.surrogate
import torch
from torch import Tensor, nn

from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import InputError
from runtime.network.file import from_bytes, save, to_bytes
from runtime.network.reference import labels, scores, trace
from runtime.network.spiking.coding import encode
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.floating import lif as numpy_lif
from runtime.network.spiking.readout import running
from tests.support.samples import bars
from train.config.files import make_config
from train.config.tables import SpikingConfig
from train.loop.fit import fit
from train.loop.run_folder import RunFolder
from train.model.model import build, from_network
from train.model.normalisation import recalibrate
from train.spiking.dynamics import SpikingNeurons
from train.spiking.neurons import SURROGATES, lif, membranes


def snntorch_run(current: Tensor, spiking: Spiking, name: str, steady: bool) -> tuple[Tensor, Tensor, snntorch.Leaky]:
    """Spikes, membranes, and the neuron, whose beta and threshold learn."""
    neuron = snntorch.Leaky(
        beta=spiking.beta,
        threshold=spiking.threshold,
        spike_grad=getattr(snntorch.surrogate, name)(),
        reset_mechanism=spiking.reset,
        learn_beta=True,
        learn_threshold=True,
    )
    membrane = torch.zeros_like(current if steady else current[0])
    spikes, potentials = [], []
    for t in range(spiking.steps):
        spike, membrane = neuron(current if steady else current[t], membrane)
        spikes.append(spike)
        potentials.append(membrane)
    return torch.stack(spikes), torch.stack(potentials), neuron


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("steady", [True, False])
@pytest.mark.parametrize("name", sorted(SURROGATES))
def test_spikes_membranes_and_all_gradients_are_snntorch_s(reset: str, steady: bool, name: str) -> None:
    spiking = Spiking(steps=7, beta=0.9, threshold=0.8, reset=reset)
    torch.manual_seed(1)
    shape = (5, 6) if steady else (7, 5, 6)
    current = (torch.rand(shape) * 1.5 - 0.3).requires_grad_()
    weight = torch.randn(7, 5, 6)
    wanted, potentials, neuron = snntorch_run(current, spiking, name, steady)
    beta, threshold = (nn.Parameter(torch.tensor(value)) for value in (spiking.beta, spiking.threshold))

    def gradients(value: Tensor, *constants: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad((value * weight).sum(), (current, *constants), retain_graph=True)

    spikes = lif(current, spiking, name, steady, beta, threshold)
    assert 0.2 < spikes.mean() < 0.9
    torch.testing.assert_close(spikes, wanted, rtol=0, atol=0)
    found = gradients(spikes, beta, threshold)
    torch.testing.assert_close(found, gradients(wanted, neuron.beta, neuron.threshold), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients(lif(current, spiking, name, steady)), found[:1], rtol=0, atol=0)
    ours = membranes(current, spiking, steady, beta, threshold)
    torch.testing.assert_close(ours, potentials, rtol=0, atol=1e-6)
    wanted_gradients = gradients(potentials, neuron.beta, *([neuron.threshold] if reset == "subtract" else []))
    torch.testing.assert_close(gradients(ours, beta, *([threshold] if reset == "subtract" else [])), wanted_gradients, rtol=1e-4, atol=1e-5)
    stepped = numpy_lif(current.detach().numpy(), spiking, steady)
    np.testing.assert_array_equal(stepped[0], spikes.detach().numpy())
    np.testing.assert_allclose(stepped[1], potentials.detach().numpy(), rtol=0, atol=1e-6)


CASES = [
    {},
    {"spiking": {"readout": "count", "reset": "zero", "steps": 5}},
    {"model": "dense", "prune": 0.5},
    {"hidden": [20, 15], "gap": "relaxed", "prune": 0.3},
    {"model": "field", "quantise": None, "spiking": {"coding": "latency", "steps": 8, "readout": "first", "learn": ["beta"]}},
    {"model": "dense", "spiking": {"coding": "rate", "readout": "count", "learn": ["beta", "threshold"], "beta": 0.8}},
]


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_the_file_computes_what_the_model_computes_and_comes_back(settings: dict[str, object]) -> None:
    data = bars()
    config = make_config({"data": "bars", "hidden": [20], "spiking": {}, **settings}, "test")
    torch.manual_seed(0)
    model = build(config, data)
    model.centre(torch.tensor(data.train.x))
    recalibrate(model, torch.tensor(data.train.x))
    model.eval()
    if model.neurons is not None:
        for k, parameter in enumerate(model.neurons.learned()):
            parameter.data -= 0.05 * (k + 1)  # as if it had learned
    network = from_bytes(to_bytes(model.export({})))
    assert network.spiking == (config.spiking.constants() if config.spiking else None)
    with torch.no_grad():
        wanted = model(torch.tensor(data.test.x)).numpy()
        again = from_network(network, config).eval()(torch.tensor(data.test.x)).numpy()
    found = scores(network, data.test.x)
    near = np.isclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    assert near.mean() > 0.98  # a sum that differs in its last bit may move a spike
    np.testing.assert_allclose(again, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    learned = config.spiking.learn if config.spiking else ()
    assert all((name in layer.options) == (name in learned) for layer in network.layers for name in ("beta", "threshold"))
    rates = trace(network, data.test.x)[0]
    assert 0.01 < rates.mean() < 0.95  # neither silent nor always on


@pytest.mark.parametrize("model", ["spatial", "dense"])
def test_a_spiking_network_learns(tmp_path: Path, model: str) -> None:
    rate = {"spatial": 0.1, "dense": 0.3}[model]
    config = make_config({"data": "bars", "hidden": [20], "spiking": {}, "model": model, "epochs": 8, "batch": 30, "rate": rate}, "test")
    network = fit(config, bars(), RunFolder(tmp_path / "run"), "cpu").network
    assert network.provenance["test_accuracy"] > 0.9


REFUSED = [
    ({"spiking": {"beta": 1.5}}, "spiking.beta is 1.5"),
    ({"spiking": {"threshold": 0}}, "spiking.threshold is 0"),
    ({"spiking": {"coding": "phase"}}, "coding"),
    ({"spiking": {"activity": 2}}, "spiking.activity is 2"),
    ({"spiking": {"learn": ["reset"]}}, "learn"),
    ({"spiking": {"coding": "rate"}, "input_bits": 4}, "input_bits 8"),
    ({"spiking": {}, "layers": [{"kind": "replicated", "prototypes": 2}, {"kind": "dense"}]}, "replicated"),
]


def test_constants_out_of_range_and_half_spiking_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spiking.steps is 0"):
        make_config({"spiking": {"steps": 0}}, "test")
    with pytest.raises(InputError, match="readout"):
        make_config({"spiking": {"readout": "latency"}}, "test")
    for given, words in REFUSED:
        with pytest.raises(InputError, match=words):
            make_config(given, "test")
    for coding in ("rate", "latency"):
        with pytest.raises(InputError, match="byte 128 means 0"):
            build(make_config({"data": "bars", "spiking": {"coding": coding}}, "test"), bars(zero_point=128))
    data = bars()
    network = build(make_config({"data": "bars", "spiking": {}}, "test"), data).export({})
    with pytest.raises(InputError, match="lif"):
        save(replace(network, spiking=None), tmp_path / "n.safetensors")
    with pytest.raises(InputError, match="steps"):
        save(replace(network, spiking=Spiking(steps=0)), tmp_path / "n.safetensors")


CODED = [
    {"steps": 6, "activity": 0.02, "activity_weight": 10.0},
    {"steps": 6, "readout": "count", "learn": ["beta", "threshold"]},
    {"steps": 12, "coding": "latency", "readout": "first"},
    {"steps": 8, "coding": "rate", "loss": "steps", "readout": "count"},
]


@pytest.mark.parametrize("spiking", CODED, ids=str)
def test_a_quantised_field_network_learns_and_compiles_to_what_it_was(tmp_path: Path, spiking: dict[str, object]) -> None:
    data = bars()
    settings = {"data": "bars", "model": "field", "hidden": [16], "epochs": 25, "batch": 50, "quantise": {"epochs": 8}, "spiking": spiking}
    rows: list[dict[str, Any]] = []
    network = fit(make_config(settings, "test"), data, RunFolder(tmp_path / "run"), "cpu", report=rows.append).network
    assert network.provenance["test_accuracy"] > 0.9
    integer = quantise(freeze(network), data.train.x)
    for before, after in zip(network.layers, integer.layers, strict=True):
        name = "charge" if before.kind == "field" else "weight"
        np.testing.assert_allclose(after.arrays[name] * after.arrays["weight_scale"][:, None], before.arrays[name], rtol=1e-5, atol=0)  # kept
    assert (labels(network, data.test.x) == labels(integer, data.test.x)).mean() > 0.98
    if "activity" in spiking:
        assert rows[-1]["firing"][0] < 0.5 * rows[0]["firing"][0]


def test_quantised_positions_spike_as_the_compiled_network_does(tmp_path: Path) -> None:
    data = bars()
    settings = {"data": "bars", "model": "spatial", "hidden": [20], "epochs": 6, "batch": 30, "rate": 0.1, "gap_min": 0.5, "quantise": {"epochs": 2}}
    network = fit(make_config({**settings, "spiking": {"steps": 4}}, "test"), data, RunFolder(tmp_path / "run"), "cpu").network
    assert network.provenance["test_accuracy"] > 0.9
    integer = quantise(freeze(network), data.train.x)
    assert all("position_step" in layer.options for layer in network.layers)
    assert (labels(network, data.test.x) == labels(integer, data.test.x)).mean() > 0.98


def test_a_run_in_its_quantised_phase_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    settings = {"data": "bars", "model": "field", "hidden": [8], "epochs": 2, "batch": 50, "quantise": {"epochs": 2}}
    config = make_config({**settings, "spiking": {"coding": "rate", "learn": ["beta"], "readout": "count"}}, "test")
    whole = fit(config, bars(), RunFolder(tmp_path / "whole"), "cpu").network
    folder = RunFolder(tmp_path / "parts")
    fit(config, bars(), folder, "cpu", until=3)
    again = fit(config, bars(), folder, "cpu", resume=True).network
    assert to_bytes(again) == to_bytes(whole)


def test_scores_of_read_outs_are_the_file_s_and_every_spike_up_to_the_first_has_a_gradient() -> None:
    spikes = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 0, 0]])[:, None].requires_grad_()
    spiking = Spiking(steps=4, readout="first")
    neurons = SpikingNeurons(spiking, [(0.9, 1.0)], SpikingConfig.model_validate({}))
    scores = neurons.read(spikes)
    np.testing.assert_array_equal(scores.detach().numpy(), running(spikes.detach().numpy(), spikes.detach().numpy(), spiking)[-1])
    (gradient,) = torch.autograd.grad(scores.sum(), spikes)
    assert gradient[:, 0].T.tolist() == [[2, 1, 1, 0], [1, 3, 0, 0], [1, 0, 0, 0]]  # steps - t, less what later spikes give


@pytest.mark.parametrize(("coding", "steps"), [("latency", 7), ("rate", 5)])
def test_codings_are_the_file_s_outside_training(coding: str, steps: int) -> None:
    spiking = Spiking(steps=steps, coding=coding)
    neurons = SpikingNeurons(spiking, [(0.9, 1.0)], SpikingConfig.model_validate({})).eval()
    u = np.arange(256, dtype=np.uint8).reshape(2, 128)
    np.testing.assert_array_equal(neurons.encode(torch.tensor(u)).numpy(), encode(u, spiking))


def test_a_layer_that_never_spikes_is_told_with_the_remedy(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    config = make_config({"data": "bars", "model": "dense", "hidden": [8], "epochs": 1, "spiking": {"threshold": 50}}, "test")
    fit(config, bars(), RunFolder(tmp_path / "run"), "cpu", report=rows.append)
    assert rows[0]["firing"] == [0]
    assert "layer 0 never spiked" in rows[0]["warning"]
    assert "spiking.threshold (it is 50.0)" in rows[0]["warning"]
    config = make_config({"data": "bars", "model": "dense", "hidden": [8], "epochs": 1, "spiking": {}}, "test")
    fit(config, bars(), RunFolder(tmp_path / "other"), "cpu", report=rows.append)
    assert "warning" not in rows[1]
