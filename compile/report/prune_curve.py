"""The accuracy that is left when each layer loses its weakest synapses: the stored network, run on validation samples, nothing retrained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compile.kinds import lowering_of
from compile.report.shapes import threshold
from runtime.data.dataset import Split
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.reference import accuracy

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
PRODUCTS = 1_000_000_000  # multiplications that all points together may take: bounds the time
LEAST_SAMPLES, MOST_SAMPLES = 100, 1000


@dataclass(frozen=True)
class PruneCurve:
    """Accuracy on ``samples`` validation samples at each share left out."""

    samples: int
    points: tuple[tuple[float, float], ...]  # (share, accuracy)


def prune_curve(network: Network, validation: Split) -> PruneCurve:
    """The same share of every layer's synapses is left out, weakest first."""
    steps = 1 if network.spiking is None else network.spiking.steps
    products = sum(kind_of(layer).products(layer) * steps for layer in network.layers)
    samples = min(max(PRODUCTS // (products * len(SHARES)), LEAST_SAMPLES), MOST_SAMPLES, len(validation))
    ordered = [np.sort(lowering_of(layer).strengths(layer)) for layer in network.layers]
    points = []
    for share in SHARES:
        pairs = zip(network.layers, ordered, strict=True)
        layers = tuple(lowering_of(layer).without_weak(layer, threshold(order, share)) if share else layer for layer, order in pairs)
        points.append((share, accuracy(network.with_layers(layers), validation.x[:samples], validation.y[:samples])))
    return PruneCurve(samples, tuple(points))
