"""bench on a Linux computer other than this one: measured by itself through the agent there, or counted where it is emulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from devices.computers.base import LIMIT_S
from devices.errors import CheckError, NearwireError
from runtime.backends.registry import is_program
from runtime.measure.bench import BenchOptions, BenchReport, BenchRow, Place, bench, versions
from runtime.measure.memory import Memory
from runtime.measure.rows import ProfileRow
from runtime.network.network import Array
from runtime.network.reference import scores
from runtime.remote.answers import Bench
from runtime.remote.sessions import count_there, session_there
from runtime.remote.visit import Visit


def bench_there(visit: Visit, backends: Sequence[str], samples: Array, options: BenchOptions) -> BenchReport:
    """A report of the computer: times measured by itself, or instructions where it is emulated. Backends that cannot work there are notes."""
    name, computer = visit.computer.name, visit.computer
    faults = visit.prepare(backends)
    notes = tuple(f"{backend} left out: {reason}" for backend, reason in faults.items())
    usable = [backend for backend in backends if backend not in faults]
    if not usable:
        return BenchReport(name, notes=notes, error="no backend works there")
    if computer.emulated:
        return _bench_emulated(visit, usable, samples[:1], notes)
    programs = [backend for backend in usable if is_program(backend)]
    if usable == programs:  # no Python is needed there: rounds are driven from here
        place = Place(open=lambda _, backend, threads: session_there(visit, backend, threads), conditions=computer.conditions)
        report = bench(visit.build, programs, samples, options, place=place)
        return _of_device(report, visit, notes)
    program = visit.program if programs else None
    answer, _ = visit.ask(
        Bench, samples, backends=usable, options=vars(options), program=program, limit_s=LIMIT_S + 2 * len(usable) * options.max_secs
    )
    if (named := [row.backend for row in answer.rows]) != usable:
        raise NearwireError(f"'{name}' answered for {', '.join(named) or 'no backend'}; asked were {', '.join(usable)}.")
    return _of_device(BenchReport.from_dict(answer.fields()), visit, notes)


def _bench_emulated(visit: Visit, backends: Sequence[str], samples: Array, notes: tuple[str, ...]) -> BenchReport:
    counts: Mapping[str, tuple[float, str]] = {}
    if python := [name for name in backends if not is_program(name)]:
        counts = count_there(visit, python, samples[0])
    for name in (name for name in backends if is_program(name)):
        session = session_there(visit, name)
        if not np.array_equal(session.scores(samples), scores(visit.build.network, samples)):
            raise CheckError(f"backend '{name}' computes other scores than the integer reference on '{visit.computer.name}'.")
        counted = session.instructions(samples)
        counts = {**counts, name: (float(counted.mean()), visit.compiler)} if counted is not None else counts
    device, build = visit.computer.name, visit.build.folder.name
    rows = tuple(BenchRow(device, build, name, f"{counts[name][1]} on {visit.computer.detail}", 1, instructions=counts[name][0]) for name in backends)
    state = visit.computer.conditions()
    return BenchReport(device, rows, state, state, notes=notes, versions=versions())


def _of_device(report: BenchReport, visit: Visit, notes: tuple[str, ...]) -> BenchReport:
    """The board's own report under its name here, with the build's name here."""
    name, build = visit.computer.name, visit.build.folder.name
    rows = []
    for row in report.rows:
        detail = f"{visit.compiler}, static" if is_program(row.backend) else row.detail
        memory = Memory(**vars(row.memory)) if row.memory else None
        operators = tuple(ProfileRow(**vars(entry)) for entry in row.operators)
        rows.append(BenchRow(**{**vars(row), "device": name, "build": build, "detail": detail, "memory": memory, "operators": operators}))
    return BenchReport(name, tuple(rows), report.before, report.after, report.invalid, (*notes, *report.notes), report.versions)
