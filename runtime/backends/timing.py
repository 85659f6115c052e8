"""Timing of repeated work from Python, and how its times become one figure."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from runtime.network.network import Array

KEPT = 0.9  # share of the times: the slowest tenth are runs that something interrupted


def time_calls(call: Callable[[], object], runs: int) -> Array:
    """(runs,) int64 nanoseconds of single calls. The clock is read once a call, so a call's time holds one reading of it."""
    clock = time.perf_counter_ns
    stamps = np.empty(runs + 1, np.int64)
    stamps[0] = clock()
    for k in range(1, runs + 1):
        call()
        stamps[k] = clock()
    return np.diff(stamps)


def nothing() -> None:
    """What is timed to learn what timing itself costs."""


def steady_mean(times: Array) -> float:
    """Mean of the fastest nine tenths of (n,) times, n >= 1. A median would lose the resolution of profilers that count whole units."""
    ordered = np.sort(np.asarray(times))
    return float(ordered[: max(1, int(len(ordered) * KEPT))].mean())
