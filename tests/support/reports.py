"""What tests of the report share: data for a network that was never trained, manifests that fit it, and names that are markup."""

from __future__ import annotations

import numpy as np

from runtime.builds.manifest import Manifest
from runtime.data.dataset import Dataset, Split
from runtime.network.network import Network

EVIL = "<script>alert(1)</script>\"'&{{ 7 * 7 }}|`x`</td></script><img src=x onerror=alert(2)>"


def scaled(network: Network) -> Network:
    """With the scale of every layer's outputs, which quantise would have chosen."""
    return network.with_layers(tuple(layer.with_options(output_scale=0.01) for layer in network.layers))


def dataset(network: Network, samples: int = 60) -> Dataset:
    """Random samples of the network's input."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (samples, network.input.size)).astype(np.uint8)
    y = rng.integers(0, len(network.classes), samples)
    half = Split(x, y)
    return Dataset("random", network.input.shape, network.classes, network.input, half, half, half)


def fitted(manifest: Manifest, network: Network) -> Manifest:
    """A manifest with as many layers as the network has, and its classes."""
    layers = tuple(manifest.layers[0].model_copy(update={"name": layer.name, "kind": layer.kind}) for layer in network.layers)
    return manifest.model_copy(update={"layers": layers, "output": manifest.output.model_copy(update={"classes": network.classes})})
