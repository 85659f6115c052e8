"""Bench: how long one inference takes, per backend, in one run.

The backends take turns in short rounds, so that a change of the machine's speed meets all of them. Emulated cores have no meaningful
time; for them the exact instruction count is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from devices.errors import InputError
from runtime.build import Build
from runtime.network import Array

ROUNDS = 10
COUNTED_SAMPLES = 5  # for exact instruction counts


@dataclass(frozen=True)
class BenchRow:
    """Latency of single inferences (microseconds) or instructions of them."""

    build: str
    backend: str
    detail: str
    runs: int
    mean_us: float | None = None
    min_us: float | None = None
    p50_us: float | None = None
    p90_us: float | None = None
    p99_us: float | None = None
    instructions: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench(
    build: Build,
    backends: Sequence[str],
    samples: Array,
    runs: int = 1000,
    warmup: int = 100,
    progress: Callable[[str], None] | None = None,
    device: str | None = None,
) -> list[BenchRow]:
    """One row a backend. ``samples``: uint8 (n, inputs); the first is timed, the first few are counted on emulated cores (``device``)."""
    if runs < 1 or warmup < 0:
        raise InputError(f"{runs} runs and {warmup} warm-up runs were asked for; allowed: at least 1 run and 0 warm-up runs.")
    if len(samples) == 0:
        raise InputError("there is no sample to run. Give at least one input.")
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(build.session(name, device)) for name in backends}
        times: dict[str, list[Array]] = {name: [] for name in backends}
        counts: dict[str, float] = {}
        for name, session in sessions.items():
            if progress:
                progress(f"warm-up: {name}")
            counted = session.instructions(samples[:COUNTED_SAMPLES])
            if counted is not None:
                counts[name] = float(counted.mean())
            elif warmup:
                session.time_ns(samples[0], warmup)
        sizes = [runs // ROUNDS + (1 if k < runs % ROUNDS else 0) for k in range(ROUNDS)]
        for k, size in enumerate(size for size in sizes if size):
            if progress:
                progress(f"round {k + 1}")
            for name, session in sessions.items():
                if name not in counts and (measured := session.time_ns(samples[0], size)) is not None:
                    times[name].append(measured)
        return [
            _row(build, name, session.detail, times[name], counts.get(name), len(samples[:COUNTED_SAMPLES])) for name, session in sessions.items()
        ]


def _row(build: Build, name: str, detail: str, parts: list[Array], instructions: float | None, counted: int) -> BenchRow:
    if not parts:
        return BenchRow(build.folder.name, name, detail, counted, instructions=instructions)
    us = np.concatenate(parts) / 1000
    p50, p90, p99 = (float(p) for p in np.percentile(us, (50, 90, 99)))
    return BenchRow(build.folder.name, name, detail, len(us), float(us.mean()), float(us.min()), p50, p90, p99, instructions)
