"""A user's ``.npz``: ``x`` (n, ...) and ``y`` (n,) labels 0, 1, 2, ...; optional ``shape``, ``classes`` (names), ``x_test``, ``y_test``.

Integer x within 0..255 are bytes and stay as they are (real value: byte / 255). Other x become bytes by one scale and zero point, which make the
training split's range, zero included, fill 0..255. Without a test part the samples are split 70/10/20; with one, 87.5/12.5 into train and
validation. No pickled object is ever read.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from devices.errors import InputError
from runtime.data.arrays import read_npz
from runtime.data.dataset import SHARES, Dataset, Split, class_labels, split
from runtime.network.network import Array, InputSpec
from runtime.network.schema import check_classes, check_width

REAL_MAX = 1e30  # of the range of real values, and 1 / it: float32 holds their sums
KNOWN = ("x", "y", "shape", "classes", "x_test", "y_test")


def load(name: str) -> Dataset:
    """The data set in the file ``name``."""
    where = f"data file '{name}'"
    arrays = _read(Path(name).expanduser(), where)
    classes = None if "classes" not in arrays else tuple(str(c) for c in arrays["classes"].reshape(-1))
    if classes is not None:
        check_classes(classes, where)
    x, y = _samples(arrays["x"], arrays["y"], f"{where}, x", len(classes) if classes else None)
    test = None
    if "x_test" in arrays:
        count = len(classes) if classes else int(y.max()) + 1
        test = Split(*_samples(arrays["x_test"], arrays["y_test"], f"{where}, x_test", count, several=False))
        if arrays["x_test"].shape[1:] != arrays["x"].shape[1:]:
            raise InputError(
                f"{where}: a sample of x has shape {arrays['x'].shape[1:]}, one of x_test {arrays['x_test'].shape[1:]}. Make them equal."
            )
    shape = _shape(arrays, where)
    check_width(shape, where)
    if test is None:
        train, validation, test = split(x, y)
    else:
        train, validation = split(x, y, (SHARES[0], SHARES[1] / (SHARES[0] + SHARES[1])))
    if len(train) == 0:
        raise InputError(f"{where} has {len(y)} samples, which leaves none to train on.")
    spec, parts = _to_bytes(shape, (train, validation, test), where)
    return Dataset(name, shape, classes or tuple(str(k) for k in range(int(max(y.max(), test.y.max(initial=0))) + 1)), spec, *parts)


def _read(path: Path, where: str) -> dict[str, Array]:
    arrays = read_npz(path, where, "Write it with numpy.savez(path, x=..., y=...), without object arrays.")
    unknown = sorted(set(arrays) - set(KNOWN))
    missing = [key for key in ("x", "y") if key not in arrays]
    if missing or unknown:
        raise InputError(f"{where} has the arrays {sorted(arrays)}. It needs x and y; allowed besides: {', '.join(KNOWN[2:])}.")
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InputError(f"{where} has only one of x_test and y_test. Give both or none.")
    return arrays


def _samples(x: Array, y: Array, where: str, classes: int | None, several: bool = True) -> tuple[Array, Array]:
    """(n, size) finite numbers and (n,) labels; ``several``: more than one class must occur."""
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where} is {x.dtype}; allowed: integers, real numbers or booleans.")
    if x.ndim < 2 or math.prod(x.shape[1:]) == 0:
        raise InputError(f"{where} has shape {x.shape}; allowed: (n, values) or (n, height, width, ...), not empty.")
    if len(x) != len(np.atleast_1d(y)):
        raise InputError(f"{where} has {len(x)} samples but {len(np.atleast_1d(y))} labels. Give one label a sample.")
    if len(x) == 0:
        raise InputError(f"{where} holds no samples.")
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1) if x.dtype.kind == "f" else np.zeros(len(x), bool)
    if bad.any():
        raise InputError(f"{where} has NaN or infinity in {int(bad.sum())} of {len(x)} samples, first in sample {int(bad.argmax())}. Remove them.")
    return x.reshape(len(x), -1), class_labels(y, where, classes, several)


def _shape(arrays: dict[str, Array], where: str) -> tuple[int, ...]:
    found = tuple(arrays["x"].shape[1:])
    if "shape" not in arrays:
        return found
    given = arrays["shape"].reshape(-1)
    if given.dtype.kind not in "iu" or not given.size or given.min() < 1 or math.prod(given.tolist()) != math.prod(found):
        raise InputError(
            f"{where}: shape is {given.tolist()}, but a sample of x has {math.prod(found)} values {found}. Their products must be equal."
        )
    return tuple(given.tolist())


def _to_bytes(shape: tuple[int, ...], parts: tuple[Split, ...], where: str) -> tuple[InputSpec, tuple[Split, ...]]:
    if all(part.x.dtype.kind in "iu" and part.x.min(initial=0) >= 0 and part.x.max(initial=0) <= 255 for part in parts):
        return InputSpec(shape), tuple(Split(part.x.astype(np.uint8), part.y) for part in parts)
    low, high = min(0.0, float(parts[0].x.min())), max(0.0, float(parts[0].x.max()))
    if not high > low:
        raise InputError(f"{where}: every x of the training split is 0. There is nothing to learn from.")
    if high - low > REAL_MAX or high - low < 1 / REAL_MAX:
        raise InputError(f"{where}: x goes from {low:g} to {high:g}; allowed: a range of {1 / REAL_MAX:g} to {REAL_MAX:g}. Scale it.")
    scale = (high - low) / 255
    spec = InputSpec(shape, scale, round(-low / scale))
    return spec, tuple(Split(spec.to_bytes(part.x.astype(np.float64)), part.y) for part in parts)
