"""The paper's experiments: parameter counts to the unit, runs that stop and go on, records and tables that say how much was run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench import paper_table
from devices.errors import InputError
from runtime.data.dataset import Dataset, Split
from runtime.network.file import load
from runtime.network.kinds import kind_of
from runtime.network.network import InputSpec
from tests.support.commands import checked, error_of
from tests.support.samples import bars
from train.commands.paper import NAMES
from train.model.model import build, from_network, label_accuracy
from train.paper import drawing, experiments, models, pruning, records, run
from train.paper.figures import Curve, Point
from train.paper.models import MODELS, TABLES, Model
from train.paper.run import Limits
from train.paper.runs import Runs

BARS = Model("bars", "bars", {"data": "bars", "model": "spatial", "hidden": (20,), "batch": 50}, 0, 4, 0.005)


def empty_mnist() -> Dataset:
    spec, part = InputSpec((28, 28)), Split(np.zeros((1, 784), np.uint8), np.zeros(1, np.int64))
    return Dataset("mnist", spec.shape, tuple("0123456789"), spec, part, part, part)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_parameter_counts_are_the_paper_s(name: str) -> None:
    model = build(MODELS[name].config(0), empty_mnist())
    assert model.parameter_count() == MODELS[name].parameters
    assert sum(kind_of(layer).parameters(layer) for layer in model.export({}).layers) == MODELS[name].parameters


def short_run(out: Path, epochs: int | None = None, **more: Any) -> records.Record:
    return run.run(BARS, 0, bars(), out, Limits(epochs), "cpu", **more)


def test_fewer_epochs_are_the_first_of_the_protocol_and_more_can_follow(tmp_path: Path) -> None:
    whole = short_run(tmp_path / "whole")
    part = short_run(tmp_path / "parts", 2)
    assert (whole.epochs_run, part.epochs_run, part.epochs) == (4, 2, 4)
    assert whole.complete
    assert not part.complete
    assert not json.loads((tmp_path / "parts/records/bars-seed-0.json").read_text())["complete"]
    again = short_run(tmp_path / "parts")
    assert again.complete
    a, b = (load(tmp_path / name / "bars/seed-0") for name in ("whole", "parts"))
    for one, other in zip(a.layers, b.layers, strict=True):
        for array in one.arrays:
            np.testing.assert_array_equal(one.arrays[array], other.arrays[array])


def test_a_run_with_other_settings_is_not_dropped(tmp_path: Path) -> None:
    short_run(tmp_path, 2)
    with pytest.raises(InputError, match="2 epochs of a run with other settings: precision differ"):
        short_run(tmp_path, 3, precision="bf16")
    assert short_run(tmp_path, 3).epochs_run == 3


def test_a_record_of_other_settings_is_not_taken_for_this_run(tmp_path: Path) -> None:
    short_run(tmp_path, 2)
    assert short_run(tmp_path, 1, precision="bf16").epochs_run == 2  # as good a measurement, and the record says how it was made
    with pytest.raises(InputError, match="record of 'bars', seed 0, .* other settings: hidden, d differ"):
        short_run(tmp_path, 1, hidden=(10,), d=4)


def test_a_run_stops_at_the_deadline_with_a_record(tmp_path: Path) -> None:
    record = run.run(BARS, 0, bars(), tmp_path, Limits(deadline=0.0), "cpu")
    assert (record.epochs_run, record.complete) == (1, False)


def test_a_record_is_taken_as_it_is_until_more_epochs_are_wanted(tmp_path: Path) -> None:
    first = short_run(tmp_path, 2)
    path = tmp_path / "records" / first.file
    path.write_text(path.read_text().replace(f'"test_accuracy": {first.test_accuracy}', '"test_accuracy": 0.125'))
    assert short_run(tmp_path, 1).test_accuracy == 0.125
    assert short_run(tmp_path, 3).test_accuracy != 0.125


def test_what_is_held_out_is_trained_on_and_not_measured(tmp_path: Path) -> None:
    short_run(tmp_path, 1)
    row = json.loads((tmp_path / "bars/seed-0/metrics.jsonl").read_text().splitlines()[0])
    assert row["validation_accuracy"] is None


@pytest.mark.parametrize("kind", ["spatial", "dense"])
def test_products_in_bfloat16_follow_those_in_float32(kind: str) -> None:
    dataset = bars()
    losses = []
    for precision in ("float32", "bf16"):
        config = BARS.config(0).model_copy(update={"precision": precision, "hidden": (80,), "model": kind})
        torch.manual_seed(0)
        model = build(config, dataset)
        model.centre(torch.tensor(dataset.train.x))
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(dataset.train.x)), torch.tensor(dataset.train.y))
        loss.backward()
        losses.append((loss.item(), [parameter.grad for parameter in model.parameters()]))
    (a, exact), (b, low) = losses
    assert a != b
    assert a == pytest.approx(b, rel=0.05)
    for one, other in zip(exact, low, strict=True):
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99


def test_damaged_record_and_wrong_words_are_named(tmp_path: Path) -> None:
    short_run(tmp_path, 1)
    (tmp_path / "records/bars-seed-0.json").write_text("{")
    with pytest.raises(InputError, match="record .*bars-seed-0.json"):
        short_run(tmp_path, 1)
    assert "table1" in error_of("train", "paper", "tabel1")
    assert "--epochs is 0" in error_of("train", "paper", "table1", "--epochs", "0")
    assert "mlp-3d" in error_of("train", "paper", "table1", "--models", "mlp-4d", "--shipped")
    assert "names none" in error_of("train", "paper", "table1", "--models", ",", "--shipped")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's experiments on bars with 12 neurons: every model keeps its kind, gaps, coordinates and spikes."""
    monkeypatch.setattr(Runs, "dataset", property(lambda self: bars((7, 7), classes=10)))
    monkeypatch.setattr(models, "PROTOCOL", {**models.PROTOCOL, "data": "bars", "batch": 50})
    shrunk = {name: replace(model, settings={**model.settings, "hidden": (12,)}) for name, model in MODELS.items()}
    monkeypatch.setattr(experiments, "MODELS", shrunk)
    monkeypatch.setattr(experiments, "TABLES", {name: tuple(shrunk[model.name] for model in table) for name, table in TABLES.items()})


ONCE = ("--epochs", "1", "--seeds", "1", "--device", "cpu")


@pytest.mark.usefixtures("small")
def test_every_experiment_in_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = json.loads(checked("train", "paper", "all", *ONCE, "--out", str(tmp_path), "--json").stdout)
    assert list(shown) == list(NAMES)
    for name in ("table1", "table2", "table3"):
        for row in shown[name]["rows"]:
            assert (row["ours"]["epochs_run"], row["ours"]["complete"]) == ([1], False)
            assert 0 <= row["ours"]["mean"] <= 1
    for name, points in (("fig3a", 12), ("fig3b", 7), ("fig5", 5)):
        for curve in shown[name]["curves"]:
            assert len(curve["points"]) == points
            assert "1 of 300 epochs" in curve["run"]
        assert shown[name]["claims"]
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert files == {f"{name}.{kind}" for name in ("fig3a", "fig3b", "fig4", "fig5", "fig6-3") for kind in ("png", "svg")}
    tables = {path.name for path in (tmp_path / "tables").iterdir()}
    assert tables == {f"{name}.{kind}" for name in ("table1", "table2", "table3", "fig3a", "fig3b", "fig5") for kind in ("md", "json")}
    assert json.loads((tmp_path / "tables/table1.json").read_text()) == shown["table1"]
    assert "| MLP, 14 hidden | 11,140 | 0.9429 ± 0.0028 |" in (tmp_path / "tables/table1.md").read_text()
    before = {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}

    def trains(*words: object, **more: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(run, "fit", trains)
    assert "1 of 300" in checked("train", "paper", "table1", *ONCE, "--out", str(tmp_path)).stdout
    for name in ("fig5", "fig6"):  # the same records give the same files
        assert name in checked("train", "paper", name, *ONCE, "--out", str(tmp_path)).stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()} == before


@pytest.mark.usefixtures("small")
def test_all_experiments_of_some_models_are_those_they_belong_to(tmp_path: Path) -> None:
    shown = json.loads(checked("train", "paper", "all", "--models", "mlp-17,snn-14", *ONCE, "--out", str(tmp_path), "--json").stdout)
    assert {name: [row["model"] for row in table["rows"]] for name, table in shown.items()} == {"table1": ["mlp-17"], "table2": ["snn-14"]}


def test_a_picture_is_of_one_spatial_network(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))
    assert "Allowed: mlp-3d-fixed, mlp-3d," in error_of("train", "paper", "fig6", "--models", "mlp-14", *out)
    assert "names 2: mlp-3d, mlp-5d. Give one" in error_of("train", "paper", "fig6", "--models", "mlp-3d,mlp-5d", *out)
    assert "Allowed: mlp-3d-relaxed" in error_of("train", "paper", "fig4", "--models", "mlp-3d", *out)
    assert not list(tmp_path.iterdir())


def test_the_map_shows_what_neurons_send_with_their_signs() -> None:
    network = build(BARS.config(0), bars()).export({})
    image = bars().test.x[0].astype(np.float64)
    first, hidden, scores = drawing.signed_activations(network, image)
    masks = [np.tanh(layer.options["steepness"] / 2 * layer.arrays["inhibition"]) for layer in network.layers]
    sent = image / 255
    np.testing.assert_allclose(first, sent * masks[0], rtol=1e-5)
    weights = [kind_of(layer).weights(layer) for layer in network.layers]
    relu = np.maximum(weights[0] @ sent + network.layers[0].arrays["bias"], 0)
    np.testing.assert_allclose(hidden, relu * masks[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores, weights[1] @ relu + network.layers[1].arrays["bias"], rtol=1e-4, atol=1e-4)
    assert (hidden < 0).any()
    assert (hidden > 0).any()


def test_a_curve_is_ahead_from_where_it_stays_above() -> None:
    def curve(*means: float) -> Curve:
        return Curve(BARS, [], [Point(10 * k, [mean]) for k, mean in enumerate(means)])

    flat = curve(0.5, 0.5, 0.5, 0.5)
    assert curve(0.4, 0.6, 0.6, 0.7).ahead_of(flat) == 10
    assert curve(0.6, 0.4, 0.6, 0.7).ahead_of(flat) == 20
    assert curve(0.6, 0.6, 0.6, 0.5).ahead_of(flat) is None
    assert curve(0.4, 0.6).ahead_of(flat) == 10


@pytest.mark.usefixtures("small")
def test_cutting_a_trained_network_at_once_is_what_its_records_say(tmp_path: Path) -> None:
    words = ("paper", "fig3a", "--models", "mlp-3d,snn-3d,mlp-14", "--epochs", "2", "--seeds", "1", "--out", str(tmp_path))
    curves = json.loads(checked("train", *words, "--json").stdout)["fig3a"]["curves"]
    assert [curve["model"] for curve in curves] == ["mlp-3d", "mlp-3d", "mlp-14", "snn-3d", "snn-3d"]
    test = bars((7, 7), classes=10).test
    for k, curve in enumerate(curves):
        record = records.read(tmp_path / "records", curve["model"], 0)
        assert record is not None
        assert curve["points"][0]["test_accuracy"] == [pytest.approx(record.test_accuracy, abs=0.01)]
        network = load(tmp_path / curve["model"] / "seed-0")
        by_weight = k in (1, 4)
        if by_weight:
            network = replace(network, layers=tuple(pruning.as_matrix(layer) for layer in network.layers))
        cut = from_network(network, MODELS[curve["model"]].config(0).model_copy(update={"prune": 0.9}))
        said = record.pruned_by_weight if by_weight else record.pruned_after
        assert said["90"] == pytest.approx(label_accuracy(cut, torch.tensor(test.x), torch.tensor(test.y)), abs=1e-6)
        zeros = [float((kind_of(layer).weights(layer) == 0).mean()) for layer in cut.export({}).layers]
        assert zeros == pytest.approx([0.9, 0.9], abs=0.01)


def test_what_is_cut_by_weight_is_smaller_than_what_stays() -> None:
    network = build(BARS.config(0), bars()).export({})
    matrices = replace(network, layers=tuple(pruning.as_matrix(layer) for layer in network.layers))
    cut = from_network(matrices, BARS.config(0).model_copy(update={"prune": 0.7})).export({})
    for layer, pruned in zip(network.layers, cut.layers, strict=True):
        size, gone = np.abs(kind_of(layer).weights(layer)), pruned.arrays["weight"] == 0
        assert size[gone].max() <= size[~gone].min()
        assert gone.mean() == pytest.approx(0.7, abs=0.01)


def test_shipped_records_need_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARWIRE_DATA", str(tmp_path))
    shown = json.loads(checked("train", "paper", "all", "--shipped", "--out", str(tmp_path), "--json").stdout)
    assert [row["model"] for row in shown["table1"]["rows"]] == [model.name for model in TABLES["table1"]]
    assert {row["model"] for row in shown["table1"]["rows"] if row["ours"]["mean"] is not None} >= {"mlp-3d", "mlp-14", "mlp-2048"}
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("path", sorted(records.SHIPPED.glob("*.json")), ids=lambda path: path.stem)
def test_a_shipped_record_is_of_the_protocol_and_says_all_of_it(path: Path) -> None:
    name, _, seed = path.stem.partition("-seed-")
    record = records.read(records.SHIPPED, name, int(seed))
    assert record is not None
    base, _, percent = name.partition("-pruned-")
    config = MODELS[base].pruned(int(percent or 0)).config(int(seed))
    assert set(record.differs_from(config)) <= {"precision"}
    said = {"model", "hidden", "d", "gap", "rule", "batch", "rate", "rates", "betas", "precision", "spread", "steepness", "spiking"}
    assert said <= set(record.protocol) <= set(config.model_dump())
    assert record.epochs == MODELS[base].epochs


def test_a_table_of_records_marks_short_runs_and_replaces_what_was_there(tmp_path: Path) -> None:
    record = records.read(records.SHIPPED, "mlp-14", 0)
    assert record is not None
    for seed, epochs, accuracy in ((0, 300, 0.9), (2, 200, 0.92)):
        replace(record, seed=seed, epochs_run=epochs, test_accuracy=accuracy).write(tmp_path)
    new = paper_table.table(tmp_path)
    assert new.splitlines()[2:] == ["| MLP, 14 hidden | 0.9429 ± 0.0028 | 0.9100 ± 0.0141 | 2 | **200-300 of 300** |"]
