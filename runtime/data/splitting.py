"""Splits of samples that belong together: by the file's own word, and by groups (people, recordings, batches), which stay whole."""

from __future__ import annotations

import numpy as np

from devices.errors import InputError
from runtime.network.network import Array

NAMES = {"train": 0, "training": 0, "test": 1, "testing": 1, "val": 2, "validation": 2}


def by_names(parts: Array, where: str) -> tuple[Array, Array, Array]:
    """Indices of the train, validation and test samples. ``parts`` (n,): texts of ``NAMES``, or 0 train, 1 test, 2 validation."""
    if parts.dtype.kind == "U":
        words = [NAMES.get(str(word).strip().lower()) for word in parts]
        codes = np.array([-1 if code is None else code for code in words])
    else:
        codes = parts.astype(np.int64) if parts.dtype.kind in "iub" else np.full(len(parts), -1)
    if bad := np.flatnonzero((codes < 0) | (codes > 2))[:1].tolist():
        raise InputError(
            f"{where}: split of sample {bad[0]} is '{parts[bad[0]]}'. Allowed: train, validation, test, or 0 train, 1 test, 2 validation."
        )
    return np.flatnonzero(codes == 0), np.flatnonzero(codes == 2), np.flatnonzero(codes == 1)


def by_group(group: Array, share: float, where: str) -> tuple[Array, Array]:
    """Indices of the samples that stay and of those held out: the last groups, so many that their share is nearest to ``share``."""
    names, counts = np.unique(group, return_counts=True)
    if len(names) < 2:
        raise InputError(f"{where}: there is one group only ('{names[0]}'), which cannot be on two sides of a split. Give split, or leave group out.")
    from_end = np.cumsum(counts[::-1])[:-1]
    held = int(np.abs(from_end - share * len(group)).argmin()) + 1
    out = np.isin(group, names[len(names) - held :])
    return np.flatnonzero(~out), np.flatnonzero(out)
