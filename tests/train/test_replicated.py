"""Replicated layers: what trains is what the network file computes; kernels that do not fit are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from devices.errors import InputError
from runtime.network.reference import scores
from tests.support.samples import bars, config
from train.layers.replicated import largest
from train.model.model import build, from_network


def layers(**entry: Any) -> list[dict[str, Any]]:
    return [{"kind": "replicated", "prototypes": 4, "synapses": 3, **entry}, {"kind": "dense"}]


@pytest.mark.parametrize(
    ("entry", "shape"),
    [
        ({"kernel": 5}, (10, 12)),
        ({"kernel": 5, "stride": 2, "pool": 2}, (10, 12)),
        ({"kernel": 4, "padding": 0, "stride": 3, "pool": 3}, (10, 12)),
        ({"kernel": 7, "pool": 4}, (40,)),
        ({"kernel": 3, "pool": 2}, (9, 7, 2)),
        ({"kernel": 3, "pool": 2, "pooling": "average"}, (9, 7, 2)),
        ({"kernel": 7, "pool": 8, "pooling": "average"}, (41,)),
        ({"kernel": 3, "pooling": "average"}, (10, 12)),
    ],
)
def test_network_file_computes_what_the_model_computes(entry: dict[str, Any], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    data = bars(shape)
    model = build(config(layers(**entry), quantise=None), data).eval()
    network = model.export({})
    with torch.no_grad():
        expected = model(torch.tensor(data.test.x)).numpy()
    np.testing.assert_allclose(scores(network, data.test.x), expected, rtol=1e-3, atol=1e-4)
    again = from_network(network, config([], quantise=None)).eval()
    with torch.no_grad():
        np.testing.assert_allclose(again(torch.tensor(data.test.x)).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_maps_stack_and_synapses_read_all_of_them() -> None:
    second = {"kind": "replicated", "prototypes": 6, "kernel": 3, "synapses": 5}
    network = build(config([*layers(pool=2)[:1], second, {"kind": "dense"}], quantise=None), bars()).export({})
    layer = network.layers[1]
    assert (layer.options["channels"], layer.options["grid"]) == (4, [5, 6])
    assert set(layer.arrays["channel"].ravel().tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
@pytest.mark.parametrize("pool", [(1, 1), (2, 2), (3, 2)])
def test_pooling_keeps_the_largest_value_of_partial_windows_too(size: tuple[int, int], pool: tuple[int, int]) -> None:
    maps = torch.randn(2, 3, *size)
    found = largest(maps, pool)
    for y, x in np.ndindex(*found.shape[2:]):
        window = maps[:, :, y * pool[0] : (y + 1) * pool[0], x * pool[1] : (x + 1) * pool[1]]
        assert torch.equal(found[:, :, y, x], window.amax((2, 3)))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kernel": 11}, "kernel of 11 cells .* does not fit a grid of 10 x 12"),
        ({"kernel": 3, "padding": 3}, "padding 3 does not fit"),
        ({"prototypes": 0}, "layers.0.replicated.prototypes is 0"),
        ({"synapses": 0}, "layers.0.replicated.synapses is 0"),
        ({"bits": 2}, "layers.0.replicated.bits is 2"),
        ({"pool": 3, "pooling": "average"}, "a mean is taken over squares of side 1, 2, 4, 8, 16, not 3"),
        ({"pooling": "mean"}, "layers.0.replicated.pooling is 'mean'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(config(layers(**entry), quantise=None), bars())


def test_a_replicated_last_layer_is_refused() -> None:
    with pytest.raises(InputError, match="the last layer is replicated"):
        build(config(layers()[:1], quantise=None), bars())
