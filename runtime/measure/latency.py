"""Latency: many times of single inferences in, the figures that people compare out. Count, mean, least and largest are exact; percentiles
are exact up to ``KEPT`` times and come from an even selection of them beyond."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from runtime.network.network import Array

KEPT = 2_000_000
PERCENTILES = (50, 90, 95, 99, 99.9)


@dataclass
class Times:
    """Times of one backend, nanoseconds, gathered round by round."""

    count: int = 0
    total_ns: int = 0
    min_ns: int = 0
    max_ns: int = 0
    round_ns: list[float] = field(default_factory=list)  # the median of each round
    _parts: list[Array] = field(default_factory=list)
    _stride: int = 1

    def add(self, ns: Array) -> None:
        """Add the times (n,) int64 of one round, n >= 1."""
        low, high = int(ns.min()), int(ns.max())
        self.min_ns, self.max_ns = (low, high) if self.count == 0 else (min(self.min_ns, low), max(self.max_ns, high))
        self.count += len(ns)
        self.total_ns += int(ns.sum())
        self.round_ns.append(float(np.median(ns)))
        self._parts.append(ns[:: self._stride])
        if sum(map(len, self._parts)) > KEPT:
            self._parts, self._stride = [np.concatenate(self._parts)[::2]], self._stride * 2

    @property
    def mean_ns(self) -> float:
        return self.total_ns / self.count

    def percentiles_us(self) -> tuple[float, ...]:
        """P50, P90, P95, P99, P99.9 in microseconds."""
        return tuple(float(p) / 1000 for p in np.percentile(np.concatenate(self._parts), PERCENTILES))
