"""Distillation: a smaller network learns from the scores of larger trained ones, its teachers, beside the labels.

    loss = (1 - w) * cross_entropy(z, label) + w * T**2 * KL(softmax(t / T), softmax(z / T))

z are the network's scores, t a teacher's, T the temperature, w the weight; of several teachers the probabilities at T are averaged. They
see the very samples that the network sees, so every random change of an image gets probabilities of its own. The equation is that of
Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), section 2.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from devices.errors import InputError
from runtime.data.dataset import Dataset
from runtime.network.file import load
from runtime.zoo import resolve
from train.config import TrainConfig
from train.config.files import make_config
from train.layers.base import WeightedLayer
from train.model.model import Model, from_network


class Teachers(nn.Module):
    """Trained networks that no longer learn."""

    def __init__(self, models: list[Model], weight: float, temperature: float) -> None:
        super().__init__()
        for layer in (layer for model in models for layer in model.trainable_layers()):
            if isinstance(layer, WeightedLayer):
                layer.settle()
        self.models = nn.ModuleList(models).eval().requires_grad_(False)
        self.weight, self.temperature = weight, temperature

    @torch.no_grad()
    def probabilities(self, u: Tensor) -> Tensor:
        """(samples, classes) of bytes (samples, size), at the temperature."""
        return torch.stack([functional.softmax(model(u) / self.temperature, dim=1) for model in self.models]).mean(0)

    def loss(self, u: Tensor, scores: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
        """The mean loss of the network's scores (samples, classes) for bytes u with labels y (samples,)."""
        hard = functional.cross_entropy(scores, y, label_smoothing=smoothing)
        soft = functional.kl_div(functional.log_softmax(scores / self.temperature, dim=1), self.probabilities(u), reduction="batchmean")
        return (1 - self.weight) * hard + self.weight * self.temperature**2 * soft


def read_teachers(config: TrainConfig, dataset: Dataset) -> Teachers | None:
    """The teachers that the configuration names; InputError for one that is missing or does not fit the data set."""
    if config.distil is None:
        return None
    models = [_model(name, dataset) for name in config.distil.teacher]
    return Teachers(models, config.distil.weight, config.distil.temperature)


def _model(name: str, dataset: Dataset) -> Model:
    network = load(resolve(name))
    same = "Give a network that was trained on the same data."
    if network.input.shape != dataset.shape or len(network.classes) != len(dataset.classes):
        raise InputError(
            f"teacher '{name}' reads samples of shape {network.input.shape} and knows {len(network.classes)} classes; "
            f"'{dataset.name}' has shape {dataset.shape} and {len(dataset.classes)} classes. {same}"
        )
    if replace(network.input, cut=0) != dataset.spec:
        raise InputError(
            f"teacher '{name}' reads bytes as {network.input.scale:.6g} * (byte - {network.input.zero_point}), "
            f"'{dataset.name}' means {dataset.spec.scale:.6g} * (byte - {dataset.spec.zero_point}). {same}"
        )
    return from_network(network, make_config({"init": name}, f"teacher '{name}'"))
