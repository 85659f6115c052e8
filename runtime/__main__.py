"""python -m runtime: run, bench and profile builds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from devices.console import print_json, print_table, run_app, spinner
from devices.errors import InputError
from runtime.backends import BACKENDS
from runtime.backends import backend as backend_named
from runtime.bench import bench as run_bench
from runtime.build import Build, open_build
from runtime.data import load_dataset
from runtime.inputs import read_samples
from runtime.network import Array
from runtime.profile import profile as run_profile

app = typer.Typer(help="Run, benchmark and profile builds of 'python -m compile'.", no_args_is_help=True, add_completion=False)

BuildArgument = Annotated[Path, typer.Argument(help="A build folder.", show_default=False)]
BackendOption = Annotated[str, typer.Option("--backend", help=f"One of {', '.join(BACKENDS)}.")]
BackendsOption = Annotated[str, typer.Option("--backend", help=f"One or several of {', '.join(BACKENDS)}, by comma; or 'all' that work here.")]
InputOption = Annotated[Path | None, typer.Option("--input", help="Samples: .npy, .npz (x), an image or raw bytes. Default: test samples.")]
DataOption = Annotated[str | None, typer.Option("--data", help="Data set for test samples. Default: the one the network was trained on.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Emulated board for 'firmware'. Default: the one the build is for.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]


@app.command()
def run(
    build: BuildArgument,
    backend: BackendOption = "reference",
    input_file: InputOption = None,
    data: DataOption = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Test samples to run when there is no --input.")] = 5,
    accuracy: Annotated[bool, typer.Option("--accuracy", help="Run the whole test set and print the accuracy.")] = False,
    device: DeviceOption = None,
    json: JsonOption = False,
) -> None:
    """Classify samples."""
    opened = open_build(build)
    samples, truth = _samples(opened, input_file, data, None if accuracy else count)
    with opened.session(backend, device) as session:
        scores = session.scores(samples)
        detail = session.detail
    labels = scores.argmax(axis=1)
    classes = opened.manifest.output.classes
    if accuracy:
        if truth is None:
            raise InputError("--accuracy needs the true labels, which --input does not have. Use --data.")
        share = float((labels == truth).mean())
        if json:
            print_json({"backend": backend, "detail": detail, "samples": len(samples), "accuracy": share})
        else:
            print_table(f"{build} on {detail}", ["samples", "accuracy"], [[len(samples), f"{share:.4f}"]])
        return
    rows: list[dict[str, Any]] = [
        {"sample": k, "class": classes[label], "true": None if truth is None else classes[int(truth[k])], "scores": [int(v) for v in scores[k]]}
        for k, label in enumerate(labels)
    ]
    if json:
        print_json({"backend": backend, "detail": detail, "results": rows})
    else:
        cells = [[row["sample"], row["class"], row["true"] or "-", " ".join(map(str, row["scores"]))] for row in rows]
        print_table(f"{build} on {detail}", ["sample", "class", "true", "scores"], cells)


@app.command()
def bench(
    builds: Annotated[list[Path], typer.Argument(help="Build folders.", show_default=False)],
    backend: BackendsOption = "all",
    runs: Annotated[int, typer.Option("--runs", help="Timed inferences a backend.")] = 1000,
    warmup: Annotated[int, typer.Option("--warmup", help="Inferences before them.")] = 100,
    input_file: InputOption = None,
    data: DataOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the latency of single inferences, several backends side by side."""
    rows = []
    for folder in builds:
        opened = open_build(folder)
        samples, _ = _samples(opened, input_file, data, 8)
        with spinner(f"bench {folder}", quiet=json) as progress:
            rows += run_bench(opened, _backends(backend), samples, runs, warmup, progress, device)
    if json:
        print_json([row.to_dict() for row in rows])
        return
    fastest = min((row.p50_us for row in rows if row.p50_us is not None), default=None)
    cells = [
        [
            row.build,
            row.backend,
            row.runs,
            *(_number(value, ".2f") for value in (row.mean_us, row.p50_us, row.p90_us, row.p99_us)),
            _number(row.p50_us / fastest if row.p50_us and fastest else None, ".2f"),
            _number(row.instructions, ",.0f"),
            row.detail,
        ]
        for row in rows
    ]
    header = ["build", "backend", "runs", "mean us", "P50", "P90", "P99", "x fastest", "instructions", "executed by"]
    print_table("single inferences, batch 1", header, cells)


@app.command()
def profile(
    build: BuildArgument,
    backend: BackendOption = "firmware",
    count: Annotated[int, typer.Option("--count", min=1, help="Test samples to average over.")] = 5,
    input_file: InputOption = None,
    data: DataOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what every layer costs."""
    opened = open_build(build)
    samples, _ = _samples(opened, input_file, data, count)
    rows = run_profile(opened, backend, samples, device)
    if json:
        print_json([row.to_dict() for row in rows])
        return
    cells = [[r.name, _number(r.time_us, ".3f"), _number(r.instructions, ",.0f"), f"{r.share:.1%}", r.note] for r in rows]
    print_table(f"{build} on {backend}, mean of {len(samples)} samples", ["layer", "us", "instructions", "share", "note"], cells)


def _samples(build: Build, input_file: Path | None, data: str | None, count: int | None) -> tuple[Array, Array | None]:
    """Samples (n, inputs) and, for a data set, their true labels."""
    if input_file is not None:
        return read_samples(input_file, build.network), None
    dataset = load_dataset(data or str(build.network.provenance.get("data", "digits")))
    if dataset.spec.size != build.network.input.size:
        raise InputError(f"data set '{dataset.name}' has samples of {dataset.shape}; the network reads {build.network.input.shape}.")
    test = dataset.test
    return np.ascontiguousarray(test.x[:count]), test.y[:count]


def _backends(text: str) -> list[str]:
    """The named backends; for 'all' those that work here, and a line on standard error for each that does not."""
    if text != "all":
        return [name.strip() for name in text.split(",") if name.strip()]
    reasons = {name: backend_named(name).missing() for name in BACKENDS}
    for name, reason in reasons.items():
        if reason:
            print(f"left out: {name}: {reason}", file=sys.stderr)
    return [name for name, reason in reasons.items() if reason is None]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, argv, "python -m runtime")


if __name__ == "__main__":
    main()
