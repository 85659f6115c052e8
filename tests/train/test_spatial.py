"""Spatial and dense models: the paper's parameter counts, files equal to models, pruning by length, signs that settle."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from bench.support.networks import integer_network
from devices.errors import InputError
from runtime.data.dataset import Dataset, Split
from runtime.network.file import from_bytes, to_bytes
from runtime.network.kinds import kind_of
from runtime.network.kinds import spatial as spatial_kind
from runtime.network.network import InputSpec, Network
from runtime.network.reference import scores
from tests.support.samples import bars
from train.config import TrainConfig
from train.config.files import make_config
from train.model.model import Model, build, from_network, label_accuracy


def model_of(dataset: Dataset | None = None, **settings: object) -> tuple[Model, Dataset, TrainConfig]:
    data = dataset or bars()
    config = make_config({"data": "bars", "hidden": [20], **settings}, "test")
    torch.manual_seed(0)
    model = build(config, data)
    model.anneal(1.0)
    return model, data, config


def outputs(model: Model, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(torch.tensor(x)))


@pytest.mark.parametrize(("gap", "count"), [("fixed", 10_574), ("learned", 10_576), ("relaxed", 13_416)])
def test_the_paper_s_parameter_counts(gap: str, count: int) -> None:
    spec, part = InputSpec((28, 28)), Split(np.zeros((1, 784), np.uint8), np.zeros(1, np.int64))
    model, _, _ = model_of(Dataset("mnist", spec.shape, tuple("0123456789"), spec, part, part, part), hidden=[2048], gap=gap)
    network = model.export({})
    assert model.parameter_count() == count
    assert sum(kind_of(layer).parameters(layer) for layer in network.layers) == count


CASES = [
    {"gap": "fixed"},
    {"gap": "learned", "d": 2},
    {"gap": "relaxed", "d": 5},
    {"gap": "learned", "hidden": [20, 15, 11]},
    {"gap": "fixed", "rule": "gaussian", "spread": 0.5},
    {"rule": "inverse_square", "prune": 0.7},
    {"gap": "relaxed", "prune": 0.5},
    {"hidden": []},
    {"hidden": [20, 9], "head": "dense"},
    {"model": "dense"},
    {"model": "dense", "head": "spatial", "prune": 0.8},
]


@pytest.mark.parametrize("settings", CASES, ids=lambda settings: " ".join(f"{k}={v}" for k, v in settings.items()))
def test_the_file_computes_what_the_model_computes_and_comes_back(settings: dict[str, object]) -> None:
    model, data, config = model_of(**settings)
    network = from_bytes(to_bytes(model.export({})))
    wanted = outputs(model, data.test.x)
    tolerance = 2e-5 * np.abs(wanted).max()
    np.testing.assert_allclose(scores(network, data.test.x), wanted, rtol=0, atol=tolerance)
    again = from_network(network, config)
    np.testing.assert_allclose(outputs(again, data.test.x), wanted, rtol=0, atol=tolerance)
    assert again.parameter_count() == model.parameter_count()
    for before, after in itertools.pairwise(again.trainable_layers()):  # the planes between spatial layers are one parameter again
        if before.kind == after.kind == "spatial":
            assert after.sender is before.receiver


@pytest.mark.parametrize("kind", ["spatial", "dense"])
@pytest.mark.parametrize("share", [0.25, 0.8, 0.97])
def test_the_pruned_share_is_zero_in_the_file_the_smallest_weights_first(kind: str, share: float) -> None:
    model, _, _ = model_of(model=kind, prune=share)
    whole, _, _ = model_of(model=kind)
    for cut, full in zip(model.export({}).layers, whole.export({}).layers, strict=True):
        pruned, weights = kind_of(cut).weights(cut), kind_of(full).weights(full)
        assert (pruned == 0).sum() == int(share * pruned.size + 1e-9)
        if kind == "dense":
            assert np.abs(weights[pruned == 0]).max() <= np.abs(pruned[pruned != 0]).min()
        else:
            distance = kind_of(full).squared_distances(full)  # type: ignore[attr-defined]
            assert distance[pruned == 0].min() >= distance[pruned != 0].max()
            assert cut.options["cutoff2"] == pytest.approx(distance[pruned == 0].min(), rel=0.1)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999999999999])
def test_a_large_layer_is_cut_and_measured_by_rows_as_a_small_one_is_at_once(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data, _ = model_of(prune=share)
    whole = model.export({})
    wanted = scores(whole, data.test.x)
    monkeypatch.setattr(spatial_kind, "TILED_FROM", 1)
    monkeypatch.setattr(spatial_kind, "TILE", 30)
    by_rows = model.export({})
    for one, other in zip(by_rows.layers, whole.layers, strict=True):
        assert len(spatial_kind.Spatial().rows(other)) > 1
        assert one.options["cutoff2"] == other.options["cutoff2"]
        assert (kind_of(other).weights(other) != 0).sum() == max(1, other.inputs * other.outputs - int(share * other.inputs * other.outputs + 1e-9))
    made: list[int] = []
    plain = spatial_kind.Spatial.weights
    monkeypatch.setattr(spatial_kind.Spatial, "weights", lambda kind, layer: made.append(layer.outputs) or plain(kind, layer))  # type: ignore[func-returns-value]
    np.testing.assert_allclose(scores(by_rows, data.test.x), wanted, rtol=1e-4, atol=1e-4)
    assert set(made) == {1}  # rows of the product, never the whole


def test_dense_weights_start_as_wide_as_they_are_told() -> None:
    for spread, wanted in ((None, 120**-0.5 / 3**0.5), (0.7, 0.7)):
        model, _, _ = model_of(model="dense", hidden=[200], weight_spread=spread)
        assert float(model.trainable_layers()[0].weight.detach().std()) == pytest.approx(wanted, rel=0.03)  # type: ignore[arg-type, operator]


def test_signs_are_exactly_plus_or_minus_one_once_settled() -> None:
    model, _, _ = model_of(settle=0.7)
    layer = model.trainable_layers()[0]
    model.anneal(0.0)
    assert layer.mask().abs().min() < 0.99  # type: ignore[operator]
    signs = torch.sign(layer.inhibition)  # type: ignore[arg-type]
    for progress in (0.5, 0.7, 1.0):
        model.anneal(progress)
    assert torch.equal(layer.mask(), signs)  # type: ignore[operator]


def test_a_learned_gap_stays_open() -> None:
    model, _, _ = model_of(gap_min=0.4)
    layer = model.trainable_layers()[0]
    with torch.no_grad():
        layer.gap.fill_(-2.0)  # type: ignore[union-attr, operator]
    model.anneal(0.1)
    assert float(layer.gap.detach()) == pytest.approx(0.4)  # type: ignore[union-attr, operator]


def test_a_new_model_starts_centred_on_its_data() -> None:
    model, data, _ = model_of()
    x = torch.tensor(data.train.x)
    model.centre(x)
    with torch.no_grad():
        hidden = model.trainable_layers()[0](x.float() * data.spec.step)
    assert float(hidden.mean(0).abs().max()) < 1e-3
    assert 0.2 < float((hidden > 0).float().mean()) < 0.8


def steps(spec: InputSpec, count: int = 40) -> list[float]:
    """Losses of a few steps on the same bytes, whatever unit the input is in."""
    base = bars()
    parts = [Split(part.x, part.y) for part in (base.train, base.validation, base.test)]
    model, data, config = model_of(Dataset("bars", spec.shape, base.classes, spec, *parts))
    x, y = torch.tensor(data.train.x), torch.tensor(data.train.y)
    model.centre(x)
    optimiser = torch.optim.Adam(model.groups(config), eps=1e-30)
    losses = []
    for _ in range(count):
        for group in optimiser.param_groups:
            group["lr"] = 0.02 * group["factor"]
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_the_unit_of_the_input_does_not_change_the_training() -> None:
    usual, large = steps(InputSpec((10, 12))), steps(InputSpec((10, 12), scale=40 / 255))
    assert usual[-1] < 0.9 * usual[0]
    np.testing.assert_allclose(large, usual, rtol=0.02)


def test_only_trained_networks_can_be_trained_further() -> None:
    network: Network = integer_network()
    with pytest.raises(InputError, match="stage 'quantised' cannot be trained further"):
        from_network(network, TrainConfig())


def test_label_accuracy_is_the_share_of_right_labels() -> None:
    model, data, _ = model_of()
    right = outputs(model, data.test.x).argmax(1) == data.test.y
    assert label_accuracy(model, torch.tensor(data.test.x), torch.tensor(data.test.y), batch=7) == pytest.approx(right.mean())
