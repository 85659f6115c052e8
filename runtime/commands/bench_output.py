"""What ``runtime bench`` prints: tables for people, JSON and CSV for machines, from the same reports."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devices.common.conditions import Conditions
from devices.common.console import print_json, print_table
from devices.common.text import plain, say
from runtime.commands.choices import number
from runtime.measure.bench import BenchReport, BenchRow
from runtime.measure.memory import Memory

MB = 1e6
TIMES = ("init_us", "first_us", "min_us", "mean_us", "p50_us", "p90_us", "p95_us", "p99_us")
HEADER = ("init us", "first us", "min us", "mean us", "P50", "P90", "P95", "P99")
CSV_FIELDS = (
    *("device", "build", "backend", "detail", "runs", *TIMES, "p999_us", "max_us", "x_best", "timer_us", "drift", "instructions"),
    *("memory_init_bytes", "memory_peak_bytes", "valid", "invalid"),
)


def best_costs(reports: Sequence[BenchReport]) -> dict[str, float]:
    """The smallest cost on each device, what the ratios refer to. Devices are not compared with each other."""
    best: dict[str, float] = {}
    for row in _rows(reports):
        if cost := _cost(row):
            best[_comparison(row)] = min(cost, best.get(_comparison(row), cost))
    return best


def _cost(row: BenchRow) -> float | None:
    """P50, or the instructions where there is no time."""
    return row.p50_us or row.instructions


def _comparison(row: BenchRow) -> str:
    """What costs are compared within: times and instructions are never mixed."""
    return f"{row.device}, {'time' if row.p50_us else 'instructions'}"


def print_tables(reports: Sequence[BenchReport]) -> None:
    """The figures, what the operators cost if it was asked for, the conditions, and whether the run is valid."""
    rows, best = _rows(reports), best_costs(reports)
    with_memory = any(row.memory for row in rows)
    header = [
        "device",
        "build",
        "backend",
        "runs",
        *HEADER,
        "x best",
        "instructions",
        *(("init MB", "peak MB") if with_memory else ()),
        "executed by",
    ]
    cells = [
        [
            *(row.device, row.build, row.backend, row.runs),
            *(number(getattr(row, name), ",.2f") for name in TIMES),
            number(_ratio(row, best), ".2f"),
            number(row.instructions, ",.0f"),
            *(_megabytes(row.memory) if with_memory else ()),
            row.detail,
        ]
        for row in rows
    ]
    if cells:
        print_table("single inferences, batch 1", header, cells)
    for row in rows:
        if row.operators:
            _print_operators(row)
    _print_conditions(reports)
    for report in reports:
        if report.error:
            say(f"{report.device}: no figures: {report.error}")
        for reason in report.invalid:
            say(f"{report.device}: INVALID: {reason}")
        for note in report.notes:
            say(f"{report.device}: note: {note}")


def print_all_json(reports: Sequence[BenchReport]) -> None:
    """One document: ``rows`` with their ratio, and for every device and build the conditions and the verdict."""
    best = best_costs(reports)
    rows = [{**row.to_dict(), "x_best": _ratio(row, best)} for row in _rows(reports)]
    print_json({"rows": rows, "devices": [{**_without_rows(report), "valid": _valid(report)} for report in reports]})


def print_csv(reports: Sequence[BenchReport]) -> None:
    """One line a row; numbers are unrounded."""
    best = best_costs(reports)
    writer = csv.DictWriter(sys.stdout, CSV_FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for report in reports:
        for row in report.rows:
            memory = {f"memory_{name}": value for name, value in vars(row.memory).items()} if row.memory else {}
            verdict = {"valid": _valid(report), "invalid": "; ".join(report.invalid), "x_best": _ratio(row, best)}
            writer.writerow(_plain_cells({**vars(row), **memory, **verdict}))
        if report.error:
            writer.writerow(_plain_cells({"device": report.device, "valid": False, "invalid": report.error}))


def _plain_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Texts of a line of CSV as they may be shown on a terminal."""
    return {name: plain(value) if isinstance(value, str) else value for name, value in cells.items()}


FORMATS: Mapping[str, Callable[[Sequence[BenchReport]], None]] = {"table": print_tables, "json": print_all_json, "csv": print_csv}


def _rows(reports: Sequence[BenchReport]) -> list[BenchRow]:
    return [row for report in reports for row in report.rows]


def _ratio(row: BenchRow, best: Mapping[str, float]) -> float | None:
    cost = _cost(row)
    return cost / best[_comparison(row)] if cost and best.get(_comparison(row)) else None


def _megabytes(memory: Memory | None) -> list[str]:
    return ["-", "-"] if memory is None else [f"{size / MB:.2f}" for size in (memory.init_bytes, memory.peak_bytes)]


def _valid(report: BenchReport) -> bool:
    return not report.invalid and report.error is None


def _without_rows(report: BenchReport) -> dict[str, Any]:
    return {name: value for name, value in report.to_dict().items() if name != "rows"}


def _print_operators(row: BenchRow) -> None:
    """In order of execution, with the running sum that benchmark_model calls cdf."""
    cells, sum_of_shares = [], 0.0
    for operator in row.operators:
        sum_of_shares += operator.share
        cells.append(
            [
                operator.name,
                number(operator.time_us, ",.3f"),
                number(operator.instructions, ",.0f"),
                f"{operator.share:.1%}",
                f"{sum_of_shares:.1%}",
                operator.note,
            ]
        )
    print_table(f"{row.build} on {row.backend}, by run order", ["name", "us", "instructions", "%", "cdf %", "note"], cells)


def _print_conditions(reports: Sequence[BenchReport]) -> None:
    cells = [
        [report.device, *_states(report.before, report.after), " ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))]
        for report in reports
        if report.before != Conditions()
    ]
    if cells:
        print_table("conditions, before / after", ["device", "core", "CPUs", "governor", "MHz", "degrees C", "throttled", "load", "versions"], cells)


def _states(before: Conditions, after: Conditions) -> list[str]:
    flags = [None if c.throttled_flags is None else hex(c.throttled_flags) for c in (before, after)]
    counts = [None if c.throttle_count is None else str(c.throttle_count) for c in (before, after)]
    return [
        before.core or before.machine or "-",
        number(before.cpus, "d"),
        before.governor or "-",
        _pair(*(None if c.frequency_mhz is None else f"{c.frequency_mhz:.0f}" for c in (before, after))),
        _pair(*(None if c.temperature_c is None else f"{c.temperature_c:.1f}" for c in (before, after))),
        _pair(*(flags if any(flags) else counts)),
        _pair(*(None if c.load_1min is None else f"{c.load_1min:.2f}" for c in (before, after))),
    ]


def _pair(before: str | None, after: str | None) -> str:
    return "-" if before is None and after is None else f"{before or '-'} / {after or '-'}"
