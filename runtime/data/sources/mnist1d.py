"""``mnist1d``: 5,000 signals of 40 samples in ten classes (Greydanus and Kobak, arXiv 2011.14439), made offline by the package mnist1d.

The signals are shifted so that the smallest training value is byte 0; the last tenth of the training signals is the validation split.
"""

from __future__ import annotations

import random

import numpy as np

from devices.errors import NearwireError
from runtime.data.dataset import Dataset, Split
from runtime.network.network import Array, InputSpec

HELD_OUT = 400


def load(name: str) -> Dataset:
    """4,000 training signals, of which 400 choose, and 1,000 test signals; values outside the training range saturate."""
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise NearwireError("the data set 'mnist1d' is made by the package mnist1d, which is not installed. Run: pip install mnist1d") from error
    states = np.random.get_state(), random.getstate()  # the package seeds the global generators
    try:
        made = make_dataset(get_dataset_args())
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
    x, y = np.asarray(made["x"], np.float64), np.asarray(made["y"], np.int64)
    low, high = float(x.min()), float(x.max())
    scale = (high - low) / 255

    def part(values: Array, labels: Array) -> Split:
        return Split(np.clip(np.rint((values - low) / scale), 0, 255).astype(np.uint8), labels)

    train, validation = part(x[:-HELD_OUT], y[:-HELD_OUT]), part(x[-HELD_OUT:], y[-HELD_OUT:])
    test = part(np.asarray(made["x_test"], np.float64), np.asarray(made["y_test"], np.int64))
    return Dataset(name, (x.shape[1],), tuple("0123456789"), InputSpec((x.shape[1],), scale), train, validation, test)
