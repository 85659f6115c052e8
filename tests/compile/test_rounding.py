"""Joint rounding of distance tables: on images, closer sums than nearest integers give, also on images it has not seen."""

from __future__ import annotations

import pytest

from compile.kinds import LOWERINGS
from compile.kinds.base import IntegerWeights
from compile.kinds.spatial import SpatialLowering
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.network import Array, Network
from runtime.network.reference import trace
from runtime.zoo import resolve


class Nearest(SpatialLowering):
    """The kind without joint rounding."""

    def rounder(self, weights: IntegerWeights, values: Array, zero_point: int, target: Array, hidden: bool) -> None:
        return None


def error(network: Network, integer: Network, samples: Array) -> float:
    """Mean squared distance of the first layer's outputs from the float network's."""
    found, wanted = trace(integer, samples)[0], trace(network, samples)[0]
    return float(((found * integer.layers[0].options["output_scale"] - wanted) ** 2).mean())


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_sums_come_closer_than_with_nearest_entries(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_dataset("digits")
    seen, unseen = digits.train.x, digits.validation.x
    network = prune(freeze(load(resolve("zoo:digits-spatial"))), share)
    jointly = quantise(network, seen)

    monkeypatch.setitem(LOWERINGS, "spatial", Nearest())
    apart = quantise(network, seen)
    assert error(network, jointly, seen) < 0.96 * error(network, apart, seen)
    assert error(network, jointly, unseen) < error(network, apart, unseen)
    table = jointly.layers[0].arrays["table"]
    assert table.min() >= 0
    assert table.max() <= 63
    assert (table != apart.layers[0].arrays["table"]).any()
