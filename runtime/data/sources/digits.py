"""``digits``: 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; nothing is downloaded. Pixels 0..16 are bytes 15 * pixel."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from devices.errors import NearwireError
from runtime.data.dataset import Dataset, split
from runtime.network.network import Array, InputSpec

STEP = 15  # bytes a pixel level: 16 levels end at 240, so every level is exact


def load(name: str) -> Dataset:
    """Real value of a pixel: level / 16, in 0..1. Split 70/10/20 by the fixed seed."""
    pixels, labels = _read()
    train, validation, test = split((pixels * STEP).astype(np.uint8), labels.astype(np.int64))
    return Dataset(name, (8, 8), tuple("0123456789"), InputSpec((8, 8), 1 / (16 * STEP)), train, validation, test)


def _read() -> tuple[Array, Array]:
    """(pixels, labels) from scikit-learn's file. Importing the library takes longer than most compiles, so it is asked only if the file is elsewhere."""
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise NearwireError("the data set 'digits' comes with scikit-learn, which is not installed. Run: pip install scikit-learn")
    path = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if path.is_file():
        rows = np.loadtxt(path, delimiter=",")
        return rows[:, :-1], rows[:, -1]
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.data, bunch.target
