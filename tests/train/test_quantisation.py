"""The quantised phase computes, score for score, what the compiler's integer network computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compile.passes.freeze import freeze
from compile.passes.prune import density, prune
from compile.passes.quantise import quantise
from devices.errors import InputError
from runtime.network.file import load
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.reference import scores
from tests.support.samples import bars, config
from train.config.files import make_config
from train.layers.wiring import rule, spatial_product
from train.loop.fit import fit, train_epoch
from train.loop.phases import optimiser_of, phases, quantised, settled
from train.loop.run_folder import RunFolder
from train.model.model import build, label_accuracy
from train.quantised.layers import LIMITS
from train.quantised.model import QuantisedModel
from train.quantised.positions import Grid, _GridProduct

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
    "spatial twice": [{"kind": "spatial", "outputs": 20}, {"kind": "spatial"}],
    "spatial, dense, spatial": [{"kind": "spatial", "outputs": 14}, {"kind": "dense", "outputs": 12, "bits": 4}, {"kind": "spatial"}],
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
        values = next(layer.arrays[name] for name in ("charge", "weight", "table") if name in layer.arrays)
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
            assert layer.kind == "spatial" or (np.abs(bias // quarter) <= 2046).all()
    assert len(set(network.layers[-1].arrays["weight_scale"].tolist())) == 1


def test_the_compiler_keeps_the_integers_whatever_it_calibrates_on() -> None:
    model, network = trained(STRUCTURES["4-bit charges, ternary"])
    other = quantise(freeze(model.export({})), np.zeros((1, 120), np.uint8))
    for a, b in zip(network.layers, other.layers, strict=True):
        assert all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)


def test_sums_of_charges_beyond_the_law_are_brought_back() -> None:
    model, _ = trained(STRUCTURES["field, 4-bit head"])
    layer = model.trainable_layers()[0]
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


@pytest.mark.parametrize(
    ("name", "stop"), [("field, 4-bit head", 1), ("field, 4-bit head", 2), ("field, 4-bit head", 3), ("spatial twice", 2), ("spatial twice", 3)]
)
def test_a_resumed_run_ends_in_the_same_bytes(tmp_path: Path, name: str, stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    how, data = config(STRUCTURES[name], quantise={"epochs": 2}), bars()
    whole = fit(how, data, RunFolder(tmp_path / "whole"), "cpu")
    monkeypatch.setattr("train.loop.fit.CHECKPOINT_SECONDS", 0.0)

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


def test_layers_without_integer_charges_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="layer 0 is field with rule gaussian"):
        fit(config([{**FIELD, "rule": "gaussian"}, {"kind": "dense"}]), bars(), RunFolder(tmp_path), "cpu")


SPATIAL_SETTINGS: list[dict[str, Any]] = [
    {"quantise": {"epochs": 1, "bits": 6}},
    {"prune": 0.5},
    {"gap": "relaxed"},
    {"gap": "fixed", "d": 5, "prune": 0.2, "quantise": {"epochs": 1, "bits": 5}},
    {"rule": "inverse_square", "settle": 0, "steepness": [5.0, 5.0]},
]


@pytest.mark.parametrize("settings", SPATIAL_SETTINGS, ids=str)
def test_positions_on_the_grid_are_those_of_the_compiled_network(settings: dict[str, Any]) -> None:
    model, network = trained(STRUCTURES["spatial twice"], **settings)
    x = bars().test.x
    with torch.no_grad():
        np.testing.assert_array_equal(model.scores(torch.tensor(x)).numpy(), scores(network, x))
    largest = 2 ** (settings.get("quantise", {}).get("bits", 8) - 1) - 1
    for layer, trained_layer in zip(network.layers, freeze(model.export({})).layers, strict=True):
        kind = kind_of(layer)  # the float form has the same weights, whole steps
        np.testing.assert_array_equal(kind.integer_weights(layer) * trained_layer.arrays["step"][0], kind.weights(trained_layer))
        assert max(int(np.abs(layer.arrays[name]).max()) for name in ("sender", "receiver")) <= largest
        if "prune" in settings:
            assert kind_of(layer).integer_weights(layer).size * (1 - settings["prune"]) == pytest.approx(
                (kind_of(layer).squared_distances(layer) <= layer.options["cutoff2"]).sum(), rel=0.05
            )


def test_gradients_on_a_fine_grid_are_those_of_the_float_layer() -> None:
    torch.manual_seed(0)
    x, sender, receiver = torch.rand(40, 30).mul(255).round(), torch.randn(30, 2) * 0.5, torch.randn(8, 2) * 0.5
    signs, g = torch.where(torch.rand(30) < 0.5, -1.0, 1.0), torch.randn(40, 8)
    found = []
    for product in (
        lambda p, q, x: spatial_product(x, signs, p, q, 0.7, torch.zeros(8), rule("inverse")),
        lambda p, q, x: _GridProduct.apply(x, signs, p, q, 0.7, Grid(0.002, 1000, 0.04, 0.0, "inverse", rule("inverse"))) * 0.04,
    ):
        tensors = [tensor.clone().requires_grad_(True) for tensor in (sender, receiver, x)]
        (product(*tensors) * g).sum().backward()
        found.append([tensor.grad for tensor in tensors])
    for exact, straight in zip(*found, strict=True):
        assert exact is not None
        assert torch.allclose(exact, straight, atol=0.03 * float(exact.abs().max()))


@pytest.mark.parametrize("bits", [8, 6])
def test_positions_learn_on_the_grid(bits: int) -> None:
    data = bars()
    x, y = torch.tensor(data.test.x), torch.tensor(data.test.y)
    model, network = trained(STRUCTURES["spatial twice"], epochs=20, rate=0.1, quantise={"epochs": 8, "bits": bits})
    assert label_accuracy(model, x, y) > 0.95
    assert float((scores(network, data.test.x).argmax(1) == data.test.y).mean()) == pytest.approx(label_accuracy(model, x, y), abs=1e-6)


def test_a_network_on_the_grid_is_pruned_and_trained_further(tmp_path: Path) -> None:
    data = bars()
    first = fit(config(STRUCTURES["spatial twice"], epochs=15, rate=0.1), data, RunFolder(tmp_path / "first"), "cpu").network
    how = make_config({"data": "bars", "epochs": 2, "batch": 50, "rate": 0.03, "prune": 0.5, "quantise": {"epochs": 4, "bits": 6}}, "test")
    second = fit(how, data, RunFolder(tmp_path / "second"), "cpu", start=first).network
    integer = quantise(freeze(second), data.train.x)
    assert density(integer) == pytest.approx(0.5, abs=0.05)
    assert max(int(np.abs(layer.arrays["receiver"]).max()) for layer in integer.layers) <= 31
    assert float((scores(integer, data.test.x).argmax(1) == data.test.y).mean()) == pytest.approx(second.provenance["test_accuracy"], abs=1e-6)
    assert second.provenance["test_accuracy"] > 0.9


def test_fewer_bits_or_connections_than_trained_with_are_quantised_anew() -> None:
    model, _ = trained(STRUCTURES["spatial twice"])
    frozen, data = freeze(model.export({})), bars()
    assert all(np.abs(layer.arrays["receiver"]).max() <= 7 for layer in quantise(frozen, data.train.x, 4).layers)
    cut = quantise(prune(frozen, 0.6), data.train.x)
    assert density(cut) == pytest.approx(0.4, abs=0.05)
    kept = quantise(prune(frozen, 0.0), data.train.x)
    assert all("step" not in layer.arrays and "position_step" not in layer.options for layer in (*cut.layers, *kept.layers))


def test_pruned_dense_layers_stay_pruned_in_integers() -> None:
    model, network = trained([{"kind": "dense", "outputs": 16}, {"kind": "dense"}], prune=0.5)
    with torch.no_grad():
        np.testing.assert_array_equal(model.scores(torch.tensor(bars().test.x)).numpy(), scores(network, bars().test.x))
    assert all((layer.arrays["weight"] == 0).mean() >= 0.5 for layer in network.layers)


@pytest.mark.parametrize(
    ("layers", "message"),
    [(STRUCTURES["field, 4-bit head"], "prune is 0.5, but field layers have synapses"), (STRUCTURES["odd weights"][1:], "odd weights are never 0")],
)
def test_what_cannot_be_pruned_is_named(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        config(layers, prune=0.5)


def test_cut_input_of_signed_data_is_refused() -> None:
    data = bars()
    signed = replace(data, spec=replace(data.spec, zero_point=90))
    with pytest.raises(InputError, match="input_bits is 4, but byte 90"):
        build(config(STRUCTURES["dense alone"], input_bits=4), signed)
