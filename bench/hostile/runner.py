"""Mutants of one surface, read in worker processes: each has ``LIMIT_S`` seconds and 4 times its file and ``SPARE`` bytes of memory.

A worker that hangs, dies or takes too much is ended and the next one goes on with the mutant behind it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.hostile.report import SPARE, Report
from devices.errors import InputError, NearwireError

LIMIT_S = 10
FIRST_S = 60  # of the first mutant, which loads the libraries
ADDRESSES = 16 * 2**30  # bytes of address space of a worker: protects the machine, not the measure
WARM = 20  # mutants that a worker reads before it measures any
RESTART = 20_000  # mutants of a worker: what one leaves behind is no other's


@dataclass(frozen=True)
class Surface:
    """What is read from outside. ``read`` raises InputError naming ``file``; ``use`` then computes with what was read and raises any error of ours."""

    name: str
    file: str  # the mutant's name in its folder
    seeds: Callable[[], Sequence[Any]]  # made once, before the workers are
    mutate: Callable[[Any, random.Random], bytes]
    read: Callable[[Path], Any]
    use: Callable[[Any], None] = field(default=lambda _: None)
    prepare: Callable[[Path], None] = field(default=lambda _: None)  # what else must lie in the folder


def run(surface: Surface, count: int, seed: int) -> Report:
    """Read ``count`` mutants."""
    report, begin = Report(surface.name, seed), time.monotonic()
    seeds = surface.seeds()
    context = multiprocessing.get_context("fork")
    number = 0
    with tempfile.TemporaryDirectory(prefix="nearwire-hostile-") as folder:
        surface.prepare(Path(folder))
        while number < count:
            ours, theirs = context.Pipe()
            end = min(count, number + RESTART)
            worker = context.Process(target=_work, args=(surface, seeds, Path(folder), seed, number, end, theirs), daemon=True)
            worker.start()
            theirs.close()
            number = _watch(report, ours, worker, number, end)
            worker.kill()
            worker.join()
            ours.close()
    report.seconds = time.monotonic() - begin
    return report


def _watch(report: Report, ours: Connection, worker: Any, number: int, end: int) -> int:
    """Take what a worker tells; returns the number of the next mutant that nobody has read."""
    start = number
    while number < end:
        fresh = number == start
        try:
            if not ours.poll(FIRST_S if fresh else LIMIT_S):  # the first loads the libraries
                report.add("hang", number)
                return _counted(report, number)
            outcome, peak, size = ours.recv()
        except (EOFError, OSError):
            worker.join(LIMIT_S)
            report.add(f"crash of the process, exit code {worker.exitcode}", number)
            return _counted(report, number)
        number = _counted(report, number)
        report.peak_bytes = max(report.peak_bytes, peak)
        if outcome in ("accepted", "refused"):
            setattr(report, outcome, getattr(report, outcome) + 1)
        else:
            report.add(outcome, number - 1)
        if peak > 4 * size + SPARE:
            report.add(f"memory ({outcome[:100]})", number - 1)
            return number
    return number


def _counted(report: Report, number: int) -> int:
    report.mutants += 1
    return number + 1


def mutant(surface: Surface, seeds: Sequence[Any], seed: int, number: int) -> bytes:
    """The content of a mutant."""
    rng = random.Random(f"{seed}/{number}")
    return surface.mutate(rng.choice(seeds), rng)


def _work(surface: Surface, seeds: Sequence[Any], folder: Path, seed: int, start: int, end: int, results: Connection) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    sys.setrecursionlimit(1000)
    path = folder / surface.file
    for number in range(start, min(end, start + WARM)):  # load what mutants need: libraries are nobody's memory
        with contextlib.suppress(Exception):
            path.write_bytes(mutant(surface, seeds, seed, number))
            _outcome(surface, path)
    _forget_peak()
    before = _peak()
    for number in range(start, end):
        try:
            content = mutant(surface, seeds, seed, number)
        except Exception as error:  # a fault of ours: the mutant is counted as what it is
            results.send((f"crash of the mutator {signature(error)}", 0, 0))
            continue
        path.write_bytes(content)
        outcome = _outcome(surface, path)
        results.send((outcome, _peak() - before, len(content)))


def _outcome(surface: Surface, path: Path) -> str:
    try:
        value = surface.read(path)
    except InputError as error:
        if isinstance(error.__cause__, MemoryError):
            return f"traceback {signature(error.__cause__)}"
        return "refused" if path.parent.name in str(error) else f"unnamed: {str(error)[:120]}"
    except Exception as error:
        return f"traceback {signature(error)}"
    try:
        surface.use(value)
    except NearwireError:
        return "refused"
    except Exception as error:
        return f"traceback {signature(error)}"
    return "accepted"


def signature(error: BaseException) -> str:
    """Type and the last place in our own code."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename and "/lib/python" not in frame.filename
    ]
    last = frames[-1] if frames else None
    where = f"{'/'.join(Path(last.filename).parts[-3:])}:{last.lineno}" if last else "?"
    return f"{type(error).__name__} at {where}: {str(error)[:80]!r}"


def _forget_peak() -> None:
    """The peak is that of this process from now on, not of what it was forked from."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Highest resident memory, bytes."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
