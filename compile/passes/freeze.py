"""Freeze: training's soft quantities become what a device holds (stage ``trained`` to ``frozen``).

Rules:
1. ``spatial``: each sender's inhibition mask tanh(steepness * v / 2) snaps to its sign; v = 0 becomes +1.
2. ``dense``: unchanged.

Loses accuracy only where a mask is far from +1 and -1; the share of such senders is reported by ``undecided``.
"""

from __future__ import annotations

import numpy as np

from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.kinds.spatial import Spatial
from runtime.network.network import Layer, Network

UNDECIDED = 0.9  # |mask| below this: the snap changes the sender's output by more than a tenth


def freeze(network: Network) -> Network:
    """The frozen network; one that is frozen already comes back as it is."""
    if network.stage != "trained":
        return network
    return validate(network.with_layers(tuple(freeze_layer(layer) for layer in network.layers), "frozen"))


def undecided(network: Network) -> float:
    """Share of the senders of a network's ``spatial`` layers whose mask is not yet close to +1 or -1; 0 without such layers."""
    masks = [np.abs(kind.mask(layer)) for layer in network.layers if isinstance(kind := kind_of(layer), Spatial)]
    return float((np.concatenate(masks) < UNDECIDED).mean()) if masks else 0.0


def freeze_layer(layer: Layer) -> Layer:
    """One layer by the rules."""
    if layer.kind != "spatial" or "sign" in layer.arrays:
        return layer
    sign = np.where(layer.arrays["inhibition"] < 0, np.int8(-1), np.int8(1)).astype(np.int8)
    return layer.with_arrays(drop=("inhibition",), sign=sign)
