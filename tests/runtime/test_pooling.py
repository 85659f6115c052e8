"""Pooling of replicated layers: the law's mean and maximum, worked out by hand and by plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.support.networks import replicated_network
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.kinds.replicated import mean_shift
from runtime.network.network import Layer
from runtime.network.reference import trace


def one_to_one(pooling: str, pool: tuple[int, int]) -> Layer:
    """A prototype that hands a 3 x 5 grid on as it is: a box of one cell, charge 16, shift 4."""
    told = {"prototypes": 1, "synapses": 1, "kernel": (1, 1), "padding": (0, 0), "pool": pool, "pooling": pooling}
    layer = replicated_network((3, 5), layers=(told,)).layers[0]
    arrays = {"edges": np.array([[[0, 0, 1, 1]]], np.uint8), "charge": np.array([[16]], np.int8)}
    return layer.with_arrays(**arrays, bias=np.zeros(1, np.int32), shift=np.full(1, 4, np.uint8))


GRID = np.array([[1, 2, 0, 0, 9], [0, 3, 1, 1, 255], [4, 4, 0, 7, 6]], np.uint8)


@pytest.mark.parametrize(
    ("pooling", "pool", "expected"),
    [
        ("average", (2, 2), [2, 1, 66, 2, 2, 2]),  # 6/4 up, 2/4 up, 264/4 of half a window; 8/4, 7/4, 6/4 of half windows
        ("average", (1, 2), [2, 0, 5, 2, 1, 128, 4, 4, 3]),
        ("average", (4, 8), [9]),  # 293/32
        ("average", (1, 1), GRID.ravel().tolist()),
        ("max", (2, 2), [3, 1, 255, 4, 7, 6]),
    ],
)
def test_bytes_are_pooled_by_the_law(pooling: str, pool: tuple[int, int], expected: list[int]) -> None:
    layer = one_to_one(pooling, pool)
    kind = kind_of(layer)
    positions = kind.integer_sums(layer)(GRID.reshape(1, -1), 0)
    values = ((positions + 8) >> 4).astype(np.uint8)
    assert kind.pooled(layer, values)[0].tolist() == expected


def test_a_network_of_means_is_what_loops_compute() -> None:
    network = replicated_network((7, 6), layers=({"pooling": "average", "pool": (4, 2)},))
    layer = network.layers[0]
    x = np.random.default_rng(0).integers(0, 256, (5, 42)).astype(np.uint8)
    alone = replace(layer.with_options(pool=[1, 1]), outputs=4 * 42)
    bytes_ = trace(network.with_layers((alone, replace(network.layers[1], inputs=168).with_arrays(weight=np.zeros((4, 168), np.int8)))), x)[0]
    maps = bytes_.reshape(5, 4, 7, 6).astype(int)
    expected = [[(maps[n, p, y : y + 4, z : z + 2].sum() + 4) // 8 for p in range(4) for y in (0, 4) for z in (0, 2, 4)] for n in range(5)]
    assert trace(network, x)[0].tolist() == expected
    assert mean_shift(layer) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "avrage"}, "Did you mean 'average'"),
        ({"pooling": "average", "pool": [3, 2]}, r"a mean over 3 x 2 positions; allowed sides: 1, 2, 4, 8, 16"),
    ],
)
def test_pooling_that_is_not_offered_is_refused(changes: dict[str, object], message: str) -> None:
    network = replicated_network((6, 6))
    with pytest.raises(InputError, match=message):
        validate(network.with_layers((network.layers[0].with_options(**changes), *network.layers[1:])))
