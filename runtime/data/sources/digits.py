"""``digits``: 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; nothing is downloaded. Pixels 0..16 are bytes 15 * pixel."""

from __future__ import annotations

import numpy as np

from devices.errors import NearwireError
from runtime.data.dataset import Dataset, split
from runtime.network.network import InputSpec

STEP = 15  # bytes a pixel level: 16 levels end at 240, so every level is exact


def load(name: str) -> Dataset:
    """Real value of a pixel: level / 16, in 0..1. Split 70/10/20 by the fixed seed."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise NearwireError("the data set 'digits' comes with scikit-learn, which is not installed. Run: pip install scikit-learn") from error
    bunch = load_digits()
    train, validation, test = split((bunch.data * STEP).astype(np.uint8), bunch.target.astype(np.int64))
    return Dataset(name, (8, 8), tuple("0123456789"), InputSpec((8, 8), 1 / (16 * STEP)), train, validation, test)
