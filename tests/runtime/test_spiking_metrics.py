"""NeuroBench's metrics of spiking networks: counted again one sample, step and weight at a time; and what is wrong with energies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.support.networks import spiking_integers, spiking_network
from devices.errors import InputError
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.spiking.coding import encode
from runtime.network.spiking.constants import CODINGS
from runtime.network.spiking.energy import Energy
from runtime.network.spiking.integers import run, spiking_of
from runtime.network.spiking.metrics import measure


def with_zeros(network: Network, seed: int = 0) -> Network:
    """A third of the weights is 0."""
    rng = np.random.default_rng(seed)
    layers = []
    for layer in network.layers:
        weight = layer.arrays["weight"]
        layers.append(layer.with_arrays(weight=np.where(rng.random(weight.shape) < 1 / 3, 0, weight).astype(np.int8)))
    return network.with_layers(tuple(layers))


@pytest.mark.parametrize("exit_lead", [None, 0])
@pytest.mark.parametrize("coding", CODINGS)
def test_metrics_are_those_counted_by_hand(coding: str, exit_lead: int | None) -> None:
    network = with_zeros(spiking_integers(spiking_network("dense", (12, 9, 7, 4), coding=coding, readout="count", steps=5)))
    network = replace(network, spiking=replace(spiking_of(network), exit_lead=exit_lead))
    x = np.random.default_rng(1).integers(0, 256, (11, 12)).astype(np.uint8)
    x[:, :3] = 0
    macs = acs = dense = spikes = pairs = steps = 0
    for sample in x:
        found = run(network, sample[None])
        executed = int(found.executed[0])
        steps += executed
        coded = None if coding == "direct" else encode(sample[None], spiking_of(network))[:, 0]
        for k, layer in enumerate(network.layers):
            weight = kind_of(layer).integer_weights(layer)
            for t in range(executed):
                spikes += int(found.spikes[k][t, 0].sum())
                pairs += layer.outputs
                if k == 0 and coding == "direct":
                    continue
                arriving = coded[t] if k == 0 and coded is not None else found.spikes[k - 1][t, 0]
                dense += weight.size
                acs += sum(int(weight[j, i] != 0) for j in range(layer.outputs) for i in range(layer.inputs) if arriving[i])
            if k == 0 and coding == "direct":
                dense += weight.size
                macs += sum(int(weight[j, i] != 0) for j in range(layer.outputs) for i in range(layer.inputs) if sample[i])
    got = measure(network, x)
    assert got.samples == 11
    assert got.effective_macs == pytest.approx(macs / 11)
    assert got.effective_acs == pytest.approx(acs / 11)
    assert got.dense == pytest.approx(dense / 11)
    assert got.spikes == pytest.approx(spikes / 11)
    assert got.executed_steps == pytest.approx(steps / 11)
    assert got.activation_sparsity == pytest.approx(1 - spikes / pairs)
    zeros = sum(int((layer.arrays["weight"] == 0).sum()) for layer in network.layers)
    assert got.connection_sparsity == pytest.approx(zeros / (12 * 9 + 9 * 7 + 7 * 4))
    assert (exit_lead is None) == (got.executed_steps == 5)
    assert (coding == "direct") == got.layers[0].multiplies


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = spiking_integers(spiking_network("dense"))
    x = np.random.default_rng(2).integers(0, 256, (25, 20)).astype(np.uint8)
    whole = measure(network, x)
    monkeypatch.setattr("runtime.network.spiking.metrics.TRACE_BYTES", 1)
    assert measure(network, x) == whole


def test_silent_neurons_are_counted() -> None:
    network = spiking_integers(spiking_network("dense"))
    last = network.layers[-1]
    bias = last.arrays["bias"].copy()
    bias[[0, 2]] = -(2**20)
    network = network.with_layers((*network.layers[:-1], last.with_arrays(bias=bias).with_options(lift=0)))
    got = measure(network, np.random.default_rng(2).integers(0, 256, (25, 20)).astype(np.uint8))
    assert got.layers[-1].silent >= 2


def test_no_samples_are_an_error() -> None:
    with pytest.raises(InputError, match="at least one"):
        measure(spiking_integers(spiking_network("dense")), np.zeros((0, 20), np.uint8))


def test_energy_is_operations_times_assumptions() -> None:
    assert Energy(0.3, 0.1, 100).operations_nj(1000, 2000) == pytest.approx(0.5)
    assert Energy(0.3, 0.1, 100).core_nj(20) == pytest.approx(2)
    with pytest.raises(InputError, match="--pj-per-ac is -1"):
        Energy(pj_per_ac=-1).check()
    with pytest.raises(InputError, match="--pj-per-mac is nan"):
        Energy(pj_per_mac=float("nan")).check()
