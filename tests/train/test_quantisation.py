"""The quantised phase computes, score for score, what the compiler's integer network computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import InputError
from runtime.kinds import kind_of
from runtime.network import Network, load
from runtime.reference import scores
from tests.train.samples import bars, config
from train.fit import fit, train_epoch
from train.model import build
from train.phases import optimiser_of, phases, quantised, settled
from train.quantisation import LIMITS
from train.quantised_model import QuantisedModel
from train.run_folder import RunFolder

FIELD = {"kind": "field", "outputs": 9}
REPLICATED = {"kind": "replicated", "prototypes": 5, "kernel": 5, "stride": 2, "pool": 2}
STRUCTURES: dict[str, list[dict[str, Any]]] = {
    "field, 4-bit head": [FIELD, {"kind": "dense", "bits": 4}],
    "4-bit charges, ternary": [{**FIELD, "bits": 4, "crop": 1}, {"kind": "dense", "outputs": 8, "bits": 2}, {"kind": "dense", "bits": 8}],
    "odd weights": [FIELD, {"kind": "dense", "outputs": 8, "bits": 2, "odd": True}, {"kind": "dense", "bits": 2, "odd": True}],
    "field last": [FIELD, {"kind": "dense", "outputs": 12, "bits": 4}, {"kind": "field", "synapses": 2, "grid": [3, 4]}],
    "replicated twice": [REPLICATED, {"kind": "replicated", "prototypes": 4, "kernel": 3, "synapses": 6}, {"kind": "dense", "bits": 4}],
    "means, then maxima": [
        {**REPLICATED, "stride": 1, "pooling": "average"},
        {"kind": "replicated", "prototypes": 4, "kernel": 3, "synapses": 6, "pool": 2},
        {"kind": "dense", "bits": 4},
    ],
    "dense alone": [{"kind": "dense", "outputs": 16, "bits": 8}, {"kind": "dense", "bits": 2}],
}


def trained(layers: list[dict[str, Any]], zero_point: int = 0, **settings: Any) -> tuple[QuantisedModel, Network]:
    """A model after two float epochs and one quantised, and the integer network that the compiler makes of it."""
    how, data = config(layers, **settings), bars(zero_point=zero_point)
    torch.manual_seed(0)
    model = build(how, data)
    x, y = torch.tensor(data.train.x), torch.tensor(data.train.y)
    first, second = phases(how)
    optimiser = optimiser_of(model, how, first)
    for epoch in range(how.epochs):
        train_epoch(how, data.shape, model, optimiser, x, y, epoch, first)
    integer = quantised(settled(model, x), x, how)
    train_epoch(how, data.shape, integer, optimiser_of(integer, how, second), x, y, how.epochs, second)
    integer.hold()
    return integer, quantise(freeze(integer.export({})), data.train.x[:20])


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("settings", [{}, {"input_bits": 4}, {"zero_point": 90}], ids=["bytes", "4 bits", "signed"])
def test_simulation_and_compiled_network_give_equal_scores(name: str, settings: dict[str, Any]) -> None:
    model, network = trained(STRUCTURES[name], **settings)
    x = bars().test.x
    with torch.no_grad():
        found = model.scores(torch.tensor(x)).numpy()
    np.testing.assert_array_equal(found, scores(network, x))


@pytest.mark.parametrize("name", STRUCTURES)
def test_integers_stay_within_what_a_device_holds(name: str) -> None:
    _, network = trained(STRUCTURES[name])
    for entry, layer in zip(STRUCTURES[name], network.layers, strict=True):
        values = layer.arrays.get("charge", layer.arrays.get("weight"))
        assert values is not None
        limit = 3 if entry.get("odd") else LIMITS[entry.get("bits", 8)]
        assert not entry.get("odd") or (values % 2 != 0).all()
        assert np.abs(values).max() <= limit
        assert np.abs(values).max() >= (limit + 1) // 2, "most of the range is unused"
        assert np.abs(kind_of(layer).integer_weights(layer).astype(int)).max() <= 63
        if "shift" in layer.arrays:
            shift, bias = layer.arrays["shift"].astype(int), layer.arrays["bias"].astype(int)
            assert shift.min() >= 2
            quarter = 2 ** (shift - 2)
            assert (bias % quarter == 0).all()
            assert (bias // quarter >= -2046).all()
            assert (bias // quarter <= 2045).all()
    assert len(set(network.layers[-1].arrays["weight_scale"].tolist())) == 1


def test_the_compiler_keeps_the_integers_whatever_it_calibrates_on() -> None:
    model, network = trained(STRUCTURES["4-bit charges, ternary"])
    other = quantise(freeze(model.export({})), np.zeros((1, 120), np.uint8))
    for a, b in zip(network.layers, other.layers, strict=True):
        assert all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)


def test_sums_of_charges_beyond_the_law_are_brought_back() -> None:
    model, _ = trained(STRUCTURES["field, 4-bit head"])
    layer = model.each()[0]
    with torch.no_grad():
        layer.layer.synapses.position.fill_(5.0)
        layer.layer.synapses.fixed_y.fill_(1.0)
        layer.layer.synapses.fixed_x.fill_(1.0)
        layer.layer.values.fill_(float(layer.step.max()) * 60)
    layer.hold()
    with torch.no_grad():
        assert layer.layer.weight_of(layer.integers()).abs().max() <= 63


def test_integers_learn() -> None:
    model, _ = trained(STRUCTURES["field, 4-bit head"], epochs=10, quantise={"epochs": 8})
    data = bars()
    with torch.no_grad():
        assert float((model(torch.tensor(data.test.x)).argmax(1) == torch.tensor(data.test.y)).float().mean()) > 0.95


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resumed_run_ends_in_the_same_bytes(tmp_path: Path, stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    how, data = config(STRUCTURES["field, 4-bit head"], quantise={"epochs": 2}), bars()
    whole = fit(how, data, RunFolder(tmp_path / "whole"), "cpu")
    monkeypatch.setattr("train.fit.CHECKPOINT_SECONDS", 0.0)

    def interrupt(row: dict[str, Any]) -> None:
        if row["epoch"] == stop + 1:
            raise RuntimeError("killed")

    folder = RunFolder(tmp_path / "parts")
    with pytest.raises(RuntimeError, match="killed"):
        fit(how, data, folder, "cpu", report=interrupt)
    resumed = fit(folder.read_config(), data, folder, "cpu", resume=True)
    assert folder.network.read_bytes() == RunFolder(tmp_path / "whole").network.read_bytes()
    assert resumed.network.provenance == whole.network.provenance
    rows = folder.metrics.read_text().splitlines()
    assert len(rows) == 4


def test_what_is_reported_is_measured_on_the_integer_network(tmp_path: Path) -> None:
    data = bars()
    folder = RunFolder(tmp_path)
    fit(config(STRUCTURES["field, 4-bit head"]), data, folder, "cpu")
    network = load(folder.network)
    integer = quantise(freeze(network), data.train.x)
    share = float((scores(integer, data.test.x).argmax(1) == data.test.y).mean())
    assert network.provenance["test_accuracy"] == pytest.approx(share, abs=1e-6)
    assert network.provenance["epochs"] == 3


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"kind": "spatial", "outputs": 5}, {"kind": "dense"}], "layer 0 is spatial, which the quantised phase cannot train"),
        ([{**FIELD, "rule": "gaussian"}, {"kind": "dense"}], "layer 0 is field with rule gaussian"),
    ],
)
def test_layers_without_integer_charges_are_refused(tmp_path: Path, layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(config(layers), bars(), RunFolder(tmp_path), "cpu")


def test_pruning_and_the_quantised_phase_exclude_each_other() -> None:
    with pytest.raises(InputError, match="leave prune or quantise out"):
        config(STRUCTURES["dense alone"], prune=0.5)


def test_cut_input_of_signed_data_is_refused() -> None:
    data = bars()
    signed = replace(data, spec=replace(data.spec, zero_point=90))
    with pytest.raises(InputError, match="input_bits is 4, but byte 90"):
        build(config(STRUCTURES["dense alone"], input_bits=4), signed)
