"""Pruning while training in blocks: whole blocks go, weakest first, and only dense networks have them."""

from __future__ import annotations

import pytest
import torch

from devices.errors import InputError
from runtime.network.file import load
from runtime.zoo import resolve
from train.config.files import make_config
from train.layers.pruning import without_smallest
from train.model.model import from_network


@pytest.mark.parametrize("outputs", [4, 10, 3])
def test_whole_blocks_of_the_weakest_go(outputs: int) -> None:
    weight = torch.randn(outputs, 50, generator=torch.Generator().manual_seed(0))
    cut = without_smallest(weight, 0.6, "block4")
    assert float((cut == 0).float().mean()) == pytest.approx(0.6, abs=0.03)
    means = []
    for first in range(0, outputs, 4):
        kept = (cut[first : first + 4] != 0).any(0)
        assert torch.equal(cut[first : first + 4], torch.where(kept, weight[first : first + 4], 0))
        means.append((weight[first : first + 4].abs().mean(0), kept))
    assert max(float(m[~k].max()) for m, k in means) <= min(float(m[k].min()) for m, k in means)


def test_only_dense_networks_have_blocks() -> None:
    with pytest.raises(InputError, match="only networks of dense layers have"):
        make_config({"prune": 0.5, "prune_structure": "block4"}, "test")
    config = make_config({"prune": 0.5, "prune_structure": "block4", "init": "zoo:digits-spatial"}, "test")
    with pytest.raises(InputError, match="needs a network of dense layers"):
        from_network(load(resolve("zoo:digits-spatial")), config)
