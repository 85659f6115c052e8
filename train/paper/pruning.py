"""Accuracy of a trained network whose smallest weights are set to zero at once, as the paper's Figure 3a does: a share of every layer."""

from __future__ import annotations

import torch

from runtime.data import Split
from runtime.network import Network
from train.config import TrainConfig
from train.model import from_network, label_accuracy

SHARES = (0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95)  # percent


def pruned_accuracies(network: Network, config: TrainConfig, test: Split) -> dict[str, float]:
    """Percent pruned to test accuracy. The longest connections of a spatial layer are its smallest weights."""
    x, y = torch.tensor(test.x), torch.tensor(test.y)
    found = {}
    for share in SHARES:
        model = from_network(network, config.model_copy(update={"prune": share / 100, "precision": "float32"}))
        found[str(share)] = round(label_accuracy(model, x, y, 1000), 6)
    return found
