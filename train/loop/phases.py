"""The phases of a run: float training, then, with a table ``quantise``, quantisation-aware training. Each has its own optimiser and schedule."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from train.config import TrainConfig
from train.model.model import Model
from train.model.normalisation import recalibrate
from train.quantised.model import QuantisedModel
from train.quantised.spiking import QuantisedSpikingModel

STATISTICS_SAMPLES = 10_000  # training samples that a normalisation's final statistics come from
CALIBRATION_SAMPLES = 5_000  # training samples that activation scales come from


@dataclass(frozen=True)
class Phase:
    """Epochs ``first`` .. ``first + epochs - 1`` of a run."""

    name: str
    first: int
    epochs: int
    rate: float  # peak rate

    def progress(self, epoch: float) -> float:
        """The share of the phase that is done, 0..1."""
        return (epoch - self.first) / self.epochs


def phases(config: TrainConfig) -> tuple[Phase, ...]:
    """In order; their epochs follow each other."""
    floating = Phase("float", 0, config.epochs, config.rate)
    if config.quantise is None:
        return (floating,)
    return floating, Phase("quantised", config.epochs, config.quantise.epochs, config.rate * config.quantise.rate)


def total_epochs(config: TrainConfig) -> int:
    """Of all phases."""
    return sum(phase.epochs for phase in phases(config))


def optimiser_of(model: Model | QuantisedModel, config: TrainConfig, phase: Phase) -> torch.optim.Optimizer:
    """Adam over the model's groups."""
    return torch.optim.Adam(model.groups(config), lr=phase.rate, betas=config.betas)


def settled(model: Model, x: Tensor) -> Model:
    """The float model as it leaves its phase: the statistics of its normalisations are those of training bytes x (n, size)."""
    model.hold()
    recalibrate(model, x[:STATISTICS_SAMPLES])
    return model


def quantised_form(model: Model, config: TrainConfig) -> QuantisedModel:
    """The model of the quantised phase, its steps yet to be set."""
    bits = coordinate_bits(config)
    return QuantisedModel(model, bits) if model.neurons is None else QuantisedSpikingModel(model, bits, model.neurons)


def quantised(model: Model, x: Tensor, config: TrainConfig) -> QuantisedModel:
    """The model of the quantised phase, its steps chosen on training bytes."""
    quantised_model = quantised_form(model, config)
    if config.quantise is not None:
        quantised_model.calibrate(x[:CALIBRATION_SAMPLES], config.quantise.percentile)
    return quantised_model


def coordinate_bits(config: TrainConfig) -> int:
    """Of the positions of spatial layers in the quantised phase."""
    return config.quantise.bits if config.quantise is not None else 8
