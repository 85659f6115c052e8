"""Small random spiking networks in float, for tests that need no training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runtime.kinds import kind_of
from runtime.network import Network, validate
from runtime.spiking import Spiking
from tests.networks import float_network


def float_spiking(sizes: tuple[int, ...] = (20, 12, 4), kind: str = "dense", seed: int = 0, spiking: Spiking | None = None) -> Network:
    """A stage-'trained' network whose neurons all spike; a threshold that lets a fair share of them fire at bright inputs."""
    network = float_network(sizes, kind, seed)
    layers = tuple(replace(layer, activation="lif") for layer in network.layers)
    spread = float(np.mean([np.abs(kind_of(layer).weights(layer)).sum(axis=1).mean() for layer in layers]))
    chosen = spiking or Spiking(steps=8, beta=0.9, threshold=round(spread / 8, 3))
    return validate(replace(network, layers=layers, spiking=chosen))
