"""``cylinder-bell-funnel``: signals of 128 samples in three classes (Saito 1994), made here; nothing is downloaded or installed.

    cylinder(t) = (6 + n) * [a <= t <= b] + e(t)         a in 16..32, b - a in 32..96, whole; n and e(t) normal; t = 1..128
    bell(t)     = (6 + n) * [a <= t <= b] * (t - a) / (b - a) + e(t)
    funnel(t)   = (6 + n) * [a <= t <= b] * (b - t) / (b - a) + e(t)

Values -4..12 are bytes 0..255, what lies outside saturates. Generators of numpy whose streams never change make the splits.
"""

from __future__ import annotations

import numpy as np

from runtime.data.dataset import Dataset, Split
from runtime.network.network import InputSpec

LENGTH = 128
LOW, HIGH = -4.0, 12.0
SIZES = {"train": 6000, "validation": 2000, "test": 4000}  # signals, a third of each class on average
CLASSES = ("cylinder", "bell", "funnel")


def load(name: str) -> Dataset:
    """Real value of a byte: byte / 255 * 16, counted from -4."""
    train, validation, test = (_signals(count, seed) for seed, count in enumerate(SIZES.values()))
    return Dataset(name, (LENGTH,), CLASSES, InputSpec((LENGTH,), (HIGH - LOW) / 255), train, validation, test)


def _signals(count: int, seed: int) -> Split:
    draw = np.random.RandomState(seed)
    label = draw.randint(0, len(CLASSES), count)
    start = draw.randint(16, 33, (count, 1))
    length = draw.randint(32, 97, (count, 1))
    height = 6 + draw.standard_normal((count, 1))
    along = (np.arange(1, LENGTH + 1) - start) / length
    shape = np.stack([np.ones_like(along), along, 1 - along])[label, np.arange(count)]
    values = height * shape * ((along >= 0) & (along <= 1)) + draw.standard_normal((count, LENGTH))
    return Split(np.clip(np.rint((values - LOW) / (HIGH - LOW) * 255), 0, 255).astype(np.uint8), label.astype(np.int64))
