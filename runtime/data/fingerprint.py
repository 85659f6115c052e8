"""Which test data a figure is of: the number of samples, their shape, and a digest of every byte and label."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from runtime.data.dataset import Dataset


@dataclass(frozen=True)
class Fingerprint:
    """Of a data set's test part."""

    samples: int
    shape: tuple[int, ...]  # of one sample
    sha256: str  # of the samples' bytes (n, size), then of the labels as little-endian int64

    def __str__(self) -> str:
        return f"{self.samples:,} samples of {' x '.join(map(str, self.shape))} with sha256 {self.sha256[:12]}..."


def fingerprint(data: Dataset) -> Fingerprint:
    """Of the test part of ``data``."""
    digest = hashlib.sha256(np.ascontiguousarray(data.test.x).tobytes())
    digest.update(np.ascontiguousarray(data.test.y, "<i8").tobytes())
    return Fingerprint(len(data.test), data.shape, digest.hexdigest())
