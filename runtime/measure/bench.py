"""Bench: how long one inference takes, per backend, in one run.

The backends take turns in short rounds, so that a change of the machine's speed meets all of them and the ratios survive it. The machine's
conditions are read before and after; a run that throttled or drifted is marked invalid. Emulated cores have no meaningful time; for them
the exact instruction count is reported.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from devices.common.conditions import Conditions, read_conditions
from devices.errors import CheckError, InputError, NearwireError
from devices.version import VERSION
from runtime.backends import Session, open_here
from runtime.builds.build import Build
from runtime.measure.latency import Times
from runtime.measure.memory import Memory, measure_memory
from runtime.measure.rows import ProfileRow, profile_rows
from runtime.measure.validity import drift, invalid_because, notes
from runtime.network import reference
from runtime.network.network import Array

ROUNDS = 10
COUNTED_SAMPLES = 5  # for exact instruction counts
TIMER_RUNS = 1000
MOST_RUNS = 100_000_000
ROUND_RUNS = 1_000_000  # their times are sent as one answer
ENOUGH_RUNS = 1000  # whatever the timer, so many take longer than a nanosecond each
HOST = "host"


@dataclass(frozen=True)
class BenchOptions:
    """How much is run, in the meaning of TensorFlow's benchmark_model: at least ``num_runs`` and ``min_secs``, at most ``max_secs`` a backend."""

    num_runs: int = 1000
    warmup_runs: int = 100
    num_threads: int = 1
    min_secs: float = 0.0
    max_secs: float = 150.0
    operators: bool = False  # also the cost of every layer or operator, measured after the timed runs
    memory: bool = False  # also the memory, measured in a process of its own for each backend

    def __post_init__(self) -> None:
        if not 1 <= self.num_runs <= MOST_RUNS or self.warmup_runs < 0:
            raise InputError(
                f"{self.num_runs} runs and {self.warmup_runs} warm-up runs were asked for; allowed: 1 to {MOST_RUNS} runs and 0 or more warm-up runs."
            )
        if not (math.isfinite(self.min_secs) and math.isfinite(self.max_secs) and 0 <= self.min_secs <= self.max_secs and self.max_secs > 0):
            raise InputError(
                f"min_secs {self.min_secs:g} and max_secs {self.max_secs:g} were asked for; allowed: 0 <= min_secs <= max_secs, in seconds."
            )
        if not 1 <= self.num_threads <= 256:
            raise InputError(f"{self.num_threads} threads were asked for; allowed: 1 to 256.")


@dataclass(frozen=True)
class BenchRow:
    """One backend on one build on one device. Times are of single inferences, batch 1, in microseconds."""

    device: str
    build: str
    backend: str
    detail: str
    runs: int
    init_us: float | None = None  # loading the model, its library being loaded
    first_us: float | None = None  # the first inference after that
    mean_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    p50_us: float | None = None
    p90_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    p999_us: float | None = None
    timer_us: float | None = None  # what the timing loop itself adds to each time
    drift: float | None = None  # last third of the rounds against the first; None: too short to tell
    instructions: float | None = None
    memory: Memory | None = None
    operators: tuple[ProfileRow, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> BenchRow:
        """The row of ``to_dict``."""
        memory = Memory(**raw["memory"]) if raw.get("memory") else None
        return cls(**{**raw, "memory": memory, "operators": tuple(ProfileRow(**entry) for entry in raw.get("operators", ()))})


@dataclass(frozen=True)
class BenchReport:
    """Everything measured on one device in one run."""

    device: str
    rows: tuple[BenchRow, ...] = ()
    before: Conditions = field(default_factory=Conditions)
    after: Conditions = field(default_factory=Conditions)
    invalid: tuple[str, ...] = ()  # why the times must not be trusted; empty if they may
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # of Python, numpy and this package, where they ran
    error: str | None = None  # why the device gave no rows

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> BenchReport:
        """The report of ``to_dict``, after JSON."""
        rows = tuple(BenchRow.from_dict(row) for row in raw["rows"])
        states = {name: Conditions.from_dict(raw[name]) for name in ("before", "after")}
        return cls(
            raw["device"], rows, **states, invalid=tuple(raw["invalid"]), notes=tuple(raw["notes"]), versions=raw["versions"], error=raw.get("error")
        )


@dataclass(frozen=True)
class Place:
    """Where a bench runs: its name in the rows, how a backend with so many threads is opened there, and what that computer says about itself."""

    name: str = HOST
    open: Callable[[Build, str, int], Session] = open_here
    conditions: Callable[[], Conditions] = read_conditions


def bench(
    build: Build,
    backends: Sequence[str],
    samples: Array,
    options: BenchOptions | None = None,
    progress: Callable[[str], None] | None = None,
    place: Place | None = None,
) -> BenchReport:
    """One row a backend, after its scores were compared with the reference's (CheckError if they differ). ``samples``: uint8 (n, inputs); the
    first is timed, the first few are counted on emulated cores. ``place``: None is this computer. Conditions are asked before and after.
    """
    place = place or Place()
    options = options or BenchOptions()
    if len(samples) == 0:
        raise InputError("there is no sample to run. Give at least one input.")
    tell = progress or (lambda _: None)
    expected = reference.scores(build.network, samples)
    with ExitStack() as stack:
        runners = []
        for name in backends:
            tell(f"open {name}")
            session = stack.enter_context(place.open(build, name, options.num_threads))
            runners.append(_Runner(name, session, samples, options))
            if not np.array_equal(session.scores(samples), expected):
                raise CheckError(
                    f"backend '{name}' ({session.detail}) computes other scores than the integer reference here. Its speed means nothing."
                )
            tell(f"warm-up {name}")
            runners[-1].warm_up()
        before, started = place.conditions(), time.perf_counter()
        done = 0
        while unfinished := [runner for runner in runners if not runner.finished]:
            done += 1
            tell(f"round {done}")
            for runner in unfinished:
                runner.round()
        after, seconds = place.conditions(), time.perf_counter() - started
        drifts = {runner.name: runner.drift for runner in runners}
        rows = tuple(runner.row(build, place.name, tell) for runner in runners)
    timed = any(row.p50_us is not None for row in rows)
    reasons, remarks = (invalid_because(before, after, drifts), notes(before, after, seconds)) if timed else ([], [])
    return BenchReport(place.name, rows, before, after, tuple(reasons), tuple(remarks), versions())


def versions() -> dict[str, str]:
    """Of this package, numpy and Python, here."""
    return {"nearwire": VERSION, "numpy": np.__version__, "python": platform.python_version()}


class _Runner:
    """One backend's part of the run: warm-up, rounds, figures."""

    def __init__(self, name: str, session: Session, samples: Array, options: BenchOptions) -> None:
        self.name, self.session, self.samples, self.options = name, session, samples, options
        self.times = Times()
        self.first_ns: int | None = None
        self.instructions: float | None = None
        self._mean_ns = 0.0  # of what was run so far: plans the next round

    def warm_up(self) -> None:
        """The first inference and the warm-up runs; on an emulated core the exact counts."""
        counted = self.session.instructions(self.samples[:COUNTED_SAMPLES])
        if counted is not None:
            self.instructions = float(counted.mean())
            return
        first = self.session.time_ns(self.samples[0], 1)
        if first is None:
            return
        self.first_ns = int(first[0])
        warm = self.session.time_ns(self.samples[0], max(1, self.options.warmup_runs))
        self._mean_ns = float(np.median(first if warm is None or not self.options.warmup_runs else warm))

    @property
    def finished(self) -> bool:
        if self.first_ns is None or self.times.total_ns >= self.options.max_secs * 1e9:
            return True
        return self.times.count >= self.options.num_runs and self.times.total_ns >= self.options.min_secs * 1e9

    def round(self) -> None:
        """A tenth of all runs, or what is left."""
        mean = max(self._mean_ns, 1.0)
        needed = max(self.options.num_runs, math.ceil(self.options.min_secs * 1e9 / mean))
        missing = max(needed - self.times.count, 1)
        affordable = max(1, math.ceil((self.options.max_secs * 1e9 - self.times.total_ns) / mean))
        runs = min(max(1, math.ceil(needed / ROUNDS)), missing, affordable, ROUND_RUNS)
        measured = self.session.time_ns(self.samples[0], runs)
        if measured is not None:
            if runs >= ENOUGH_RUNS and measured.sum() < runs:
                raise NearwireError(
                    f"backend '{self.name}' ({self.session.detail}) says that {runs} inferences took {measured.sum()} ns. That cannot be."
                )
            self.times.add(measured)
            self._mean_ns = self.times.mean_ns

    @property
    def drift(self) -> float | None:
        return drift(self.times.round_ns, self.times.total_ns)

    def row(self, build: Build, device: str, tell: Callable[[str], None]) -> BenchRow:
        """All figures of the backend; those that are measured apart are measured now."""
        operators: tuple[ProfileRow, ...] = ()
        if self.options.operators:
            tell(f"operators {self.name}")
            operators = tuple(profile_rows(self.session.layers(self.samples[:COUNTED_SAMPLES])))
        row = BenchRow(
            device, build.folder.name, self.name, self.session.detail, self.times.count, instructions=self.instructions, operators=operators
        )
        if self.times.count == 0:
            return BenchRow(**{**vars(row), "runs": len(self.samples[:COUNTED_SAMPLES])})
        memory = None
        if self.options.memory:
            tell(f"memory {self.name}")
            memory = measure_memory(build.folder, self.name, self.options.num_threads)
        times, p = self.times, self.times.percentiles_us()
        timer = self.session.timer_ns(TIMER_RUNS)
        figures = {
            "init_us": None if self.session.init_ns is None else self.session.init_ns / 1000,
            "first_us": (self.first_ns or 0) / 1000,
            "mean_us": times.mean_ns / 1000,
            "min_us": times.min_ns / 1000,
            "max_us": times.max_ns / 1000,
            **dict(zip(("p50_us", "p90_us", "p95_us", "p99_us", "p999_us"), p, strict=True)),
            "timer_us": None if timer is None else float(np.median(timer)) / 1000,
            "drift": self.drift,
            "memory": memory,
        }
        return BenchRow(**{**vars(row), **figures})
