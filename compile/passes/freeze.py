"""Freeze: training's soft quantities become what a device holds (stage ``trained`` to ``frozen``).

What a kind has that is soft, it says itself (compile/kinds): the masks of ``spatial`` layers snap to their signs, other layers stay as they are.

Loses accuracy only where a mask is far from +1 and -1; the share of such senders is reported by ``undecided``.
"""

from __future__ import annotations

import numpy as np

from compile.kinds import lowering_of
from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.network import Network

UNDECIDED = 0.9  # |mask| below this: the snap changes the sender's output by more than a tenth


def freeze(network: Network) -> Network:
    """The frozen network; one that is frozen already comes back as it is."""
    if network.stage != "trained":
        return network
    return validate(network.with_layers(tuple(lowering_of(layer).freeze(layer) for layer in network.layers), "frozen"))


def undecided(network: Network) -> float:
    """Share of the senders of a network's layers of positions whose mask is not yet close to +1 or -1; 0 without such layers."""
    masks = [np.abs(kind_of(layer).mask(layer)) for layer in network.layers if kind_of(layer).positioned]
    return float((np.concatenate(masks) < UNDECIDED).mean()) if masks else 0.0
