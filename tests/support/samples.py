"""A small data set and short configurations for tests that train."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.data.dataset import Dataset, Split
from runtime.network.network import InputSpec
from train.config import TrainConfig
from train.config.files import make_config


def bars(shape: tuple[int, ...] = (10, 12), classes: int = 3, count: int = 300, zero_point: int = 0) -> Dataset:
    """Noisy images whose class says where a bright rectangle lies."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, classes, 2 * count)
    x = rng.integers(0, 60, (2 * count, *shape))
    for k, label in enumerate(y):
        at = label * shape[-1] // classes
        x[k, ..., at : at + 3] += 150
    flat = x.reshape(len(x), -1).astype(np.uint8)
    half = count // 2
    parts = [Split(flat[a:b], y[a:b].astype(np.int64)) for a, b in ((0, count), (count, count + half), (count + half, 2 * count))]
    return Dataset("bars", shape, tuple("abcdefghij"[:classes]), InputSpec(shape, zero_point=zero_point), *parts)


def config(layers: list[dict[str, Any]], **settings: Any) -> TrainConfig:
    """Two epochs of floats and one of integers."""
    usual = {"data": "bars", "epochs": 2, "batch": 50, "rate": 0.03, "rates": {"weight": 0.33}, "schedule": "warm-cosine", "quantise": {"epochs": 1}}
    return make_config({**usual, "layers": layers, **settings}, "test")
