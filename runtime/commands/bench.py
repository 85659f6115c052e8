"""``nearwire runtime bench``: the command, with the option names of benchmark_model and onnxruntime_perf_test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from devices.common.console import JsonOption, spinner
from devices.computers import boards_of
from devices.errors import CheckError, InputError, NearwireError, unknown_name
from runtime.backends.trust import require_trust
from runtime.builds.checked import open_build
from runtime.commands.bench_output import FORMATS
from runtime.commands.choices import (
    CODE_NOTE,
    BackendsOption,
    DevicesOption,
    TrustOption,
    VectorDataOption,
    VectorInputOption,
    backend_names,
    measured_samples,
)
from runtime.measure.bench import BenchOptions, BenchReport
from runtime.measure.bench import bench as run_bench
from runtime.measure.devices import bench_devices

DEFAULTS = BenchOptions(min_secs=1.0)
SAMPLES = 8
FLAGS = ("enable_op_profiling", "report_peak_memory_footprint")


def bench(
    builds: Annotated[list[Path], typer.Argument(help=f"Build folders. {CODE_NOTE}", show_default=False)],
    backend: BackendsOption = "all",
    num_runs: Annotated[
        int, typer.Option("--num_runs", "--num-runs", "--runs", "-r", help="Timed inferences a backend, at least.")
    ] = DEFAULTS.num_runs,
    warmup_runs: Annotated[int, typer.Option("--warmup_runs", "--warmup-runs", "--warmup", help="Inferences before them.")] = DEFAULTS.warmup_runs,
    num_threads: Annotated[
        int, typer.Option("--num_threads", "--num-threads", "-x", help="Threads of one inference, where the backend can use several.")
    ] = DEFAULTS.num_threads,
    min_secs: Annotated[float, typer.Option("--min_secs", "--min-secs", "-t", help="Seconds a backend is timed, at least.")] = DEFAULTS.min_secs,
    max_secs: Annotated[
        float, typer.Option("--max_secs", "--max-secs", help="Seconds after which a backend stops, whatever the other options ask.")
    ] = DEFAULTS.max_secs,
    operators: Annotated[
        bool, typer.Option("--enable_op_profiling", "--enable-op-profiling", help="Also what every layer, node or operator costs.")
    ] = False,
    memory: Annotated[
        bool, typer.Option("--report_peak_memory_footprint", "--report-peak-memory-footprint", help="Also the memory of each backend.")
    ] = False,
    input_file: VectorInputOption = None,
    data: VectorDataOption = None,
    device: DevicesOption = None,
    form: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "table",
    trust: TrustOption = False,
    json: JsonOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if a run is invalid: throttled, slowed or drifting.")] = False,
) -> None:
    """Measure the latency of single inferences, several backends side by side."""
    form = "json" if json else form
    if form not in FORMATS:
        raise unknown_name("format", form, FORMATS)
    options = BenchOptions(num_runs, warmup_runs, num_threads, min(min_secs, max_secs), max_secs, operators, memory)
    names = backend_names(backend) if device is None else [name.strip() for name in backend.split(",") if name.strip()]
    if not names:
        raise InputError("no backend was named. Give --backend one or several names by comma, or 'all'.")
    boards = boards_of(device) if device is not None else []
    reports: list[BenchReport] = []
    for folder in builds:
        opened = open_build(folder)
        require_trust(opened, names, trust)
        samples = measured_samples(opened, input_file, data, SAMPLES)
        with spinner(f"bench {folder}", quiet=form != "table") as progress:
            if device is None:
                reports.append(run_bench(opened, names, samples, options, progress))
            else:
                reports += bench_devices(opened, boards, names, samples, options, progress)
    FORMATS[form](reports)
    if (failed := [report for report in reports if report.error]) and len(failed) == len(reports):
        raise NearwireError(f"no device gave figures: {failed[0].error}")
    if strict and (reasons := [reason for report in reports for reason in report.invalid]):
        raise CheckError(f"the run is invalid: {'; '.join(reasons)}. Cool the board, stop other work, and measure again.")


def plain_flags(argv: Sequence[str]) -> list[str]:
    """benchmark_model's ``--flag=true`` and ``--flag=false`` as typer's flags."""
    words = []
    for word in argv:
        name, _, value = word.partition("=")
        if name.lstrip("-").replace("-", "_") in FLAGS and value.lower() in ("true", "1", "false", "0"):
            if value.lower() in ("true", "1"):
                words.append(name)
            continue
        words.append(word)
    return words
