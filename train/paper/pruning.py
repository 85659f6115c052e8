"""Accuracy of a trained network whose smallest weights are set to zero at once, as the paper's Figure 3a does: a share of every layer.

What is smallest can be read in two ways for a spatial layer. By distance, as the paper says, the longest connections are cut. By weight, what
counts is the mask of the sender times the rule of the distance. With masks at -1 and +1 both are the same; a sender whose mask is near 0 does
little, however near it is.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from runtime.data.dataset import Split
from runtime.network.kinds import kind_of
from runtime.network.kinds.dense import as_dense
from runtime.network.network import Layer, Network
from train.config import TrainConfig
from train.model.model import from_network, label_accuracy

SHARES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)  # percent


def pruned_accuracies(network: Network, config: TrainConfig, test: Split, by_weight: bool = False) -> dict[str, float]:
    """Percent pruned to test accuracy."""
    if by_weight:
        network = replace(network, layers=tuple(as_matrix(layer) for layer in network.layers))
    x, y = torch.tensor(test.x), torch.tensor(test.y)
    accuracies = {}
    for share in SHARES:
        model = from_network(network, config.model_copy(update={"prune": share / 100, "precision": "float32"}))
        accuracies[str(share)] = round(label_accuracy(model, x, y, 1000), 6)
    return accuracies


def as_matrix(layer: Layer) -> Layer:
    """A dense layer with the layer's weights, masks included; its neurons stay what they are."""
    neurons = {name: value for name, value in layer.options.items() if name in ("beta", "threshold")}
    return as_dense(layer, kind_of(layer).weights(layer), neurons)
