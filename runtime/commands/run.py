"""``nearwire runtime run``: classify samples, or the whole test set, on any backend or board."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from devices.common.console import JsonOption, print_json, print_table, spinner
from devices.common.files import write_whole
from devices.errors import CheckError, InputError
from runtime.backends.firmware.dut import Interrupted
from runtime.backends.trust import require_trust
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.commands.choices import BuildArgument, DataOption, DeviceOption, InputOption, RunBackendOption, TrustOption, default_backend, samples_for
from runtime.network import reference
from runtime.network.network import Array
from runtime.remote.sessions import open_session


def run(
    build: BuildArgument,
    backend: RunBackendOption = None,
    input_file: InputOption = None,
    data: DataOption = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Test samples to run when there is no --input.")] = 5,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Run the whole test set: accuracy, and labels unlike the integer reference's (exit code 3 if any).")
    ] = False,
    device: DeviceOption = None,
    spikes: Annotated[
        Path | None,
        typer.Option("--spikes", help="Write every spike of a spiking network as .npz: a layer (steps, samples, neurons) of 0 and 1, by its name."),
    ] = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Classify samples."""
    if spikes is not None and (spikes.suffix != ".npz" or spikes.is_dir()):
        raise InputError(f"--spikes {spikes}: the file must end in .npz, and be no folder.")
    chosen = backend or default_backend(device)
    opened = open_build(build)
    require_trust(opened, [chosen], trust)
    samples, truth = samples_for(opened, input_file, data, None if accuracy else count)
    if accuracy and truth is None:
        raise InputError("--accuracy needs the true labels, which --input does not have. Use --data.")
    interrupted: Interrupted | None = None
    with open_session(opened, chosen, device) as session, spinner(f"run {build}", quiet=json) as progress:
        session.progress = progress
        fired = session.spikes(samples) if spikes is not None else []
        try:
            scores = session.scores(samples)
        except Interrupted as error:  # what there is, is shown
            interrupted, scores = error, error.scores
        detail = session.detail
    if spikes is not None:
        _write_spikes(spikes, {layer.name: array for layer, array in zip(opened.network.layers, fired, strict=True)})
    if accuracy and truth is not None:
        _print_accuracy(opened, chosen, detail, samples[: len(scores)], truth[: len(scores)], scores, json)
    else:
        _print_samples(opened, chosen, detail, truth, scores, json)
    if interrupted:
        raise interrupted


def _write_spikes(path: Path, arrays: dict[str, Array]) -> None:
    """The file whole or not at all."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_whole(path, content.getvalue())


def _print_accuracy(build: Build, backend: str, detail: str, samples: Array, truth: Array, scores: Array, json: bool) -> None:
    labels = scores.argmax(axis=1)
    mismatches = int((labels != reference.scores(build.network, samples).argmax(axis=1)).sum())
    share = float((labels == truth).mean()) if len(labels) else 0.0
    if json:
        print_json({"backend": backend, "detail": detail, "samples": len(samples), "accuracy": share, "label_mismatches": mismatches})
    else:
        print_table(
            f"{build.folder} on {detail}", ["samples", "accuracy", "labels unlike the reference's"], [[len(samples), f"{share:.4f}", mismatches]]
        )
    if mismatches:
        raise CheckError(f"{mismatches} of {len(samples)} labels differ from the integer reference's on {detail}. Compile the network again.")


def _print_samples(build: Build, backend: str, detail: str, truth: Array | None, scores: Array, json: bool) -> None:
    classes = build.network.classes
    rows: list[dict[str, Any]] = [
        {"sample": k, "class": classes[row.argmax()], "true": None if truth is None else classes[int(truth[k])], "scores": [int(v) for v in row]}
        for k, row in enumerate(scores)
    ]
    if json:
        print_json({"backend": backend, "detail": detail, "results": rows})
        return
    cells = [[row["sample"], row["class"], row["true"] or "-", " ".join(map(str, row["scores"]))] for row in rows]
    print_table(f"{build.folder} on {detail}", ["sample", "class", "true", "scores"], cells)
