"""Labels as people have them, to numbers 0, 1, 2, ... and the names of the classes.

Whole numbers (also as reals), with holes or from 1 on; texts; one-hot rows. Without names of their own, classes are called by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from devices.errors import InputError
from runtime.network.network import Array

CLASSES_MAX = 2**14  # outputs of a network that classifies


def labels_of(parts: Sequence[Array], names: tuple[str, ...] | None, where: str) -> tuple[list[Array], tuple[str, ...]]:
    """((n,) int64 labels of every part, class names). ``parts``: the y of one file; ``names``: class names by label, if the file has some.

    InputError for labels that are no labels, for more classes than a network has outputs, or for a label that has no name.
    """
    flat = [_flat(part, where) for part in parts]
    if len({part.dtype.kind for part in flat}) > 1:
        raise InputError(f"{where}: the labels are of {' and '.join(sorted({str(part.dtype) for part in flat}))}. Give all in one type.")
    values = np.unique(np.concatenate(flat))
    if not len(values):
        raise InputError(f"{where} holds no samples.")
    if names is None:
        names, known = tuple(str(value) for value in values), values
    elif values.dtype.kind == "U":
        known = np.array(names)
        if unknown := sorted(set(values.tolist()) - set(names)):
            raise InputError(f"{where}: the label '{unknown[0]}' is not among the class names {list(names)}.")
    else:
        known = np.arange(len(names))
        if int(values.min()) < 0 or int(values.max()) >= len(names):
            raise InputError(
                f"{where}: labels go from {values.min()} to {values.max()}, which is out of range. Allowed for {len(names)} class names: 0..{len(names) - 1}."
            )
    if len(names) > CLASSES_MAX:
        raise InputError(
            f"{where} has {len(names)} classes; allowed: a network of at most {CLASSES_MAX} outputs. Are these labels, and not measurements?"
        )
    order = np.argsort(known, kind="stable")
    return [order[np.searchsorted(known[order], part)].astype(np.int64) for part in flat], names


def _flat(y: Array, where: str) -> Array:
    """(n,) int64 or text labels."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim == 2 and y.dtype.kind in "biuf" and ((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all():
        return np.asarray(y.argmax(axis=1), np.int64)  # one-hot
    if y.ndim != 1:
        raise InputError(f"{where}: the labels have shape {y.shape}. Allowed: (n,) whole numbers or texts, or (n, classes) one-hot.")
    if y.dtype.kind == "U":
        return y
    if y.dtype.kind not in "biuf" or (y.dtype.kind == "f" and not (np.isfinite(y).all() and (y == np.rint(y)).all() and (np.abs(y) < 2**53).all())):
        raise InputError(f"{where}: the labels are {y.dtype} and not all whole numbers. Allowed: (n,) whole numbers or texts, or one-hot rows.")
    return y.astype(np.int64)
