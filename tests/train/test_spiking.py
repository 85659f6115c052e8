"""Spiking networks: the same numbers as snnTorch, forward and backward; files that compute what the model computes; compile's refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import snntorch
import snntorch.surrogate
import torch
from torch import Tensor

from devices.errors import InputError
from runtime.network import from_bytes, save, to_bytes
from runtime.reference import scores, trace
from runtime.spiking import Spiking
from runtime.spiking import lif as numpy_lif
from tests.train.samples import bars
from train.config import make_config
from train.fit import fit
from train.model import build, from_network
from train.run_folder import RunFolder
from train.spiking import SURROGATES, lif, membranes


def snntorch_run(current: Tensor, spiking: Spiking, name: str, steady: bool) -> tuple[Tensor, Tensor]:
    neuron = snntorch.Leaky(
        beta=spiking.beta, threshold=spiking.threshold, spike_grad=getattr(snntorch.surrogate, name)(), reset_mechanism=spiking.reset
    )
    membrane = torch.zeros_like(current if steady else current[0])
    spikes, potentials = [], []
    for t in range(spiking.steps):
        spike, membrane = neuron(current if steady else current[t], membrane)
        spikes.append(spike)
        potentials.append(membrane)
    return torch.stack(spikes), torch.stack(potentials)


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize("steady", [True, False])
@pytest.mark.parametrize("name", sorted(SURROGATES))
def test_spikes_and_gradients_are_snntorch_s(reset: str, steady: bool, name: str) -> None:
    spiking = Spiking(steps=7, beta=0.9, threshold=0.8, reset=reset)
    torch.manual_seed(1)
    shape = (5, 6) if steady else (7, 5, 6)
    current = (torch.rand(shape) * 1.5 - 0.3).requires_grad_()
    weight = torch.randn(7, 5, 6)
    wanted, potentials = snntorch_run(current, spiking, name, steady)
    (wanted * weight).sum().backward()
    expected, current.grad = current.grad, None
    spikes = lif(current, spiking, name, steady)
    assert 0.2 < spikes.mean() < 0.9
    torch.testing.assert_close(spikes, wanted, rtol=0, atol=0)
    (spikes * weight).sum().backward()
    torch.testing.assert_close(current.grad, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(membranes(current, spiking, steady), potentials, rtol=0, atol=1e-6)
    ours = numpy_lif(current.detach().numpy(), spiking, steady)
    np.testing.assert_array_equal(ours[0], spikes.detach().numpy())
    np.testing.assert_allclose(ours[1], potentials.detach().numpy(), rtol=0, atol=1e-6)


CASES = [
    {},
    {"spiking": {"readout": "count", "reset": "zero", "steps": 5}},
    {"model": "dense", "prune": 0.5},
    {"hidden": [20, 15], "gap": "relaxed", "prune": 0.3},
]


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_the_file_computes_what_the_model_computes_and_comes_back(settings: dict[str, object]) -> None:
    data = bars()
    config = make_config({"data": "bars", "hidden": [20], "spiking": {}, **settings}, "test")
    torch.manual_seed(0)
    model = build(config, data)
    model.centre(torch.tensor(data.train.x))
    network = from_bytes(to_bytes(model.export({})))
    assert network.spiking == (config.spiking.constants() if config.spiking else None)
    with torch.no_grad():
        wanted = model(torch.tensor(data.test.x)).numpy()
        again = from_network(network, config)(torch.tensor(data.test.x)).numpy()
    found = scores(network, data.test.x)
    near = np.isclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
    assert near.mean() > 0.98  # a sum that differs in its last bit may move a spike
    np.testing.assert_allclose(again, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    rates = trace(network, data.test.x)[0]
    assert 0.01 < rates.mean() < 0.95  # neither silent nor always on


@pytest.mark.parametrize("model", ["spatial", "dense"])
def test_a_spiking_network_learns(tmp_path: Path, model: str) -> None:
    rate = {"spatial": 0.1, "dense": 0.3}[model]
    config = make_config({"data": "bars", "hidden": [20], "spiking": {}, "model": model, "epochs": 8, "batch": 30, "rate": rate}, "test")
    network = fit(config, bars(), RunFolder(tmp_path / "run"), "cpu").network
    assert network.provenance["test_accuracy"] > 0.9


def test_constants_out_of_range_and_half_spiking_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="spiking.steps is 0"):
        make_config({"spiking": {"steps": 0}}, "test")
    with pytest.raises(InputError, match="readout"):
        make_config({"spiking": {"readout": "latency"}}, "test")
    with pytest.raises(InputError, match="quantise"):
        make_config({"model": "dense", "spiking": {}, "quantise": {}}, "test")
    data = bars()
    network = build(make_config({"data": "bars", "spiking": {}}, "test"), data).export({})
    with pytest.raises(InputError, match="lif"):
        save(replace(network, spiking=None), tmp_path / "n.safetensors")
    with pytest.raises(InputError, match="steps"):
        save(replace(network, spiking=Spiking(steps=0)), tmp_path / "n.safetensors")
