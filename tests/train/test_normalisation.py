"""Normalisations leave no trace in a network file."""

from __future__ import annotations

import torch

from tests.support.samples import bars, config
from train.model.model import build
from train.model.normalisation import Normalisation, recalibrate

LAYERS = [{"kind": "field", "outputs": 6}, {"kind": "dense", "outputs": 5}, {"kind": "dense"}]


def test_folding_changes_no_output() -> None:
    torch.manual_seed(0)
    model = build(config(LAYERS), bars())
    x = torch.tensor(bars().train.x)
    recalibrate(model, x)
    for norm in model.norms:
        for parameter in norm.parameters():
            parameter.data.normal_()
    model.eval()
    with torch.no_grad():
        before = model(x)
        model.fold()
        torch.testing.assert_close(model(x), before, rtol=1e-3, atol=1e-4)
    assert not any(isinstance(norm, Normalisation) for norm in model.norms)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_statistics_are_the_mean_over_the_data_whatever_came_before() -> None:
    model = build(config(LAYERS), bars())
    x = torch.tensor(bars().train.x)
    model(x[:50])
    recalibrate(model, x, batch=100)
    norm = model.norms[0]
    with torch.no_grad():
        sums = model.layers[0](x.float() / 255)
    torch.testing.assert_close(norm.norm.running_mean, sums.mean(0), rtol=1e-3, atol=1e-3)


def test_rows_of_maps_share_their_statistics() -> None:
    norm = Normalisation(3, 0.1)
    y = norm(torch.randn(50, 3 * 4) * 5 + 2).view(50, 3, 4)
    torch.testing.assert_close(y.mean((0, 2)), torch.zeros(3), atol=1e-4, rtol=0)


def test_the_last_layer_and_spatial_layers_have_none() -> None:
    assert not isinstance(build(config(LAYERS), bars()).norms[-1], Normalisation)
    spatial = build(config([{"kind": "spatial", "outputs": 6}, {"kind": "spatial"}], quantise=None), bars())
    assert not any(isinstance(norm, Normalisation) for norm in spatial.norms)
