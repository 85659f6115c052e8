"""A spiking network for the digits that needs no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.data.dataset import load_dataset
from runtime.network.check import validate
from runtime.network.file import save
from runtime.network.network import Layer, Network
from runtime.network.spiking.constants import Spiking


def spiking_digits(folder: Path) -> Path:
    """Random spiking neurons for the digits, a network file: bad at it, but they spike."""
    rng = np.random.default_rng(0)
    data = load_dataset("digits")
    layers = []
    for k, (inputs, outputs, size) in enumerate(((64, 16, 0.15), (16, 10, 0.5))):
        arrays = {"weight": rng.normal(0.02, size, (outputs, inputs)).astype(np.float32), "bias": np.full(outputs, 0.05, np.float32)}
        layers.append(Layer(f"layer{k}", "dense", inputs, outputs, "lif", arrays))
    spiking = Spiking(steps=6, readout="count")
    path = folder / "network.safetensors"
    save(validate(Network(tuple(layers), data.spec, data.classes, "trained", spiking=spiking, provenance={"data": "digits"})), path)
    return path
