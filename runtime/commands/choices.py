"""What the commands of runtime share: their common options, the samples and the backends that a user's words stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from devices.common.text import warn
from devices.computers import board_of, is_computer
from devices.errors import InputError
from runtime.backends import BACKENDS
from runtime.backends import backend as backend_named
from runtime.backends.registry import COMPUTER, CORE, PROFILE, RUN, default_for
from runtime.builds.checked import CheckedBuild
from runtime.data.dataset import Dataset, load_dataset
from runtime.data.fingerprint import Fingerprint, fingerprint
from runtime.data.inputs import read_samples, stored_samples
from runtime.network.network import Array

CODE_NOTE = "A build is code: backends c and firmware compile and run its C. Builds of others need --trust for that; the others do not run it."
BuildArgument = Annotated[Path, typer.Argument(help=f"A build folder. {CODE_NOTE}", show_default=False)]
BackendOption = Annotated[str, typer.Option("--backend", help=f"One of {', '.join(BACKENDS)}.")]
BackendsOption = Annotated[str, typer.Option("--backend", help=f"One or several of {', '.join(BACKENDS)}, by comma; or 'all' that work here.")]
InputOption = Annotated[Path | None, typer.Option("--input", help="Samples: .npy, .npz (x), an image or raw bytes. Default: test samples.")]
VectorDataOption = Annotated[str | None, typer.Option("--data", help="Data set for samples. Default: the build's own test vectors.")]
VectorInputOption = Annotated[
    Path | None, typer.Option("--input", help="Samples: .npy, .npz (x), an image or raw bytes. Default: the build's own test vectors.")
]
DataOption = Annotated[str | None, typer.Option("--data", help="Data set for test samples. Default: the one the network was trained on.")]
RunBackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help=f"One of {', '.join(BACKENDS)}. Default: {default_for(RUN)}; with --device {default_for(CORE)}, or {default_for(COMPUTER)} on Linux.",
        show_default=False,
    ),
]
ProfileBackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help=f"One of {', '.join(BACKENDS)}. Default: {default_for(PROFILE)}; with --device {default_for(COMPUTER)} on Linux.",
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="Where to run: a board of 'nearwire devices list', BOARD@PORT or USER@HOST. Default: here, or the build's board."),
]
DevicesOption = Annotated[
    str | None,
    typer.Option("--device", help="Where to run: boards or patterns of 'nearwire devices list', BOARD@PORT, USER@HOST, by comma. Default: here."),
]
TrustOption = Annotated[bool, typer.Option("--trust", help="Run the C of a build that you did not compile here; it could do whatever you can.")]


def samples_for(build: CheckedBuild, input_file: Path | None, data: str | None, count: int | None) -> tuple[Array, Array | None]:
    """Samples (n, inputs) and, for a data set, their true labels."""
    if input_file is not None:
        return read_samples(input_file, build.network), None
    dataset = load_dataset(data or str(build.network.provenance.get("data", "digits")), build.network)
    if dataset.spec.size != build.network.input.size:
        raise InputError(f"data set '{dataset.name}' has samples of {dataset.shape}; the network reads {build.network.input.shape}.")
    _say_other_data(build, dataset)
    test = dataset.test
    return np.ascontiguousarray(test.x[:count]), test.y[:count]


def _say_other_data(build: CheckedBuild, dataset: Dataset) -> None:
    """A line on standard error if the data set is not the one that the build's figures are of."""
    here, there = fingerprint(dataset), build.manifest.data
    if there is not None and here != (made := Fingerprint(**there.model_dump())):
        warn(f"note: '{dataset.name}' is not the test data that '{build.folder}' was made with: {here}; the build's were {made}.")


def measured_samples(build: CheckedBuild, input_file: Path | None, data: str | None, count: int) -> Array:
    """At most ``count`` samples (n, inputs) to measure with: the build's own unless others are named."""
    if input_file is None and data is None:
        return stored_samples(build.folder, build.network)[:count]
    return samples_for(build, input_file, data, count)[0][:count]


def backend_names(text: str) -> list[str]:
    """The named backends; for 'all' those that work here, and a line on standard error for each that does not."""
    if text != "all":
        return [name.strip() for name in text.split(",") if name.strip()]
    reasons = {name: backend_named(name).missing() for name in BACKENDS}
    for name, reason in reasons.items():
        if reason:
            warn(f"left out: {name}: {reason}")
    return [name for name, reason in reasons.items() if reason is None]


def default_backend(device: str | None) -> str:
    """The backend where none is named: what every place has."""
    if device is None:
        return default_for(RUN)
    board = board_of(device)
    return default_for(COMPUTER if is_computer(board) or board.link == "local" else CORE)


def number(value: float | None, form: str) -> str:
    """The value in a table; '-' where there is none."""
    return "-" if value is None else format(value, form)
