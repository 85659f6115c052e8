"""python -m runtime: run, bench, profile and compare builds."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from devices.console import print_json, print_table, run_app
from devices.errors import InputError
from runtime.bench_command import bench, plain_flags
from runtime.build import open_build
from runtime.choices import (
    BackendOption,
    BuildArgument,
    DataOption,
    DeviceOption,
    InputOption,
    JsonOption,
    VectorDataOption,
    VectorInputOption,
    measured_samples,
    number,
    samples_for,
)
from runtime.profile import profile as run_profile
from runtime.report_command import report

app = typer.Typer(help="Run, benchmark and profile builds of 'python -m compile'.", no_args_is_help=True, add_completion=False)


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
    samples, truth = samples_for(opened, input_file, data, None if accuracy else count)
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


app.command()(bench)
app.command()(report)


@app.command()
def profile(
    build: BuildArgument,
    backend: BackendOption = "firmware",
    count: Annotated[int, typer.Option("--count", min=1, help="Test samples to average over.")] = 5,
    input_file: VectorInputOption = None,
    data: VectorDataOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what every layer costs."""
    opened = open_build(build)
    samples = measured_samples(opened, input_file, data, count)
    rows = run_profile(opened, backend, samples, device)
    if json:
        print_json([row.to_dict() for row in rows])
        return
    cells = [[r.name, number(r.time_us, ".3f"), number(r.instructions, ",.0f"), f"{r.share:.1%}", r.note] for r in rows]
    print_table(f"{build} on {backend}, mean of {len(samples)} samples", ["layer", "us", "instructions", "share", "note"], cells)


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, plain_flags(sys.argv[1:] if argv is None else argv), "python -m runtime")


if __name__ == "__main__":
    main()
