"""One run of the paper: a model and a seed to a record, going on where an earlier command stopped.

A run folder holds the whole protocol's configuration, so fewer epochs are the first ones of the full run, and more can follow later.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from devices.errors import InputError
from devices.version import VERSION
from runtime.data.dataset import Dataset
from train.loop.checkpoint import finished_epochs
from train.loop.fit import Report, StopTraining, fit, pick_device
from train.loop.run_folder import RunFolder
from train.paper import records
from train.paper.models import Model
from train.paper.records import Record

Say = Callable[[str], None]


@dataclass(frozen=True)
class Limits:
    """How much of a protocol is run."""

    epochs: int | None = None  # None: the protocol's
    deadline: float | None = None  # time.monotonic() after which a run stops with the epoch it is in

    def until(self, model: Model) -> int:
        return min(self.epochs or model.epochs, model.epochs)

    def over(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline


def run(
    model: Model, seed: int, dataset: Dataset, out: Path, limits: Limits, device: str = "auto", report: Report = lambda row: None, **changes: Any
) -> Record:
    """Train until the limits say stop, measure, and write the record. A record that is long enough already is returned as it is.

    ``changes``: fields of TrainConfig that are not the protocol's; they are in the record.
    """
    config = model.config(seed).model_copy(update=changes)
    previous = records.read(out / "records", model.name, seed)
    if previous is not None and previous.epochs_run >= limits.until(model):
        if different := [name for name in previous.differs_from(config) if name != "precision"]:  # the record says which
            raise InputError(
                f"the record of '{model.name}', seed {seed}, in '{out / 'records'}' is of a run with other settings: {', '.join(different)} differ. "
                "Choose another --out, or remove that record and its run."
            )
        return previous
    folder = run_folder(out, model.name, seed)
    folder.check_free(force=True)
    resume = folder.is_ours() and folder.checkpoint.is_file() and finished_epochs(folder.checkpoint) >= 0
    if resume and (there := folder.read_config()) != config:
        changed = [name for name, value in config.model_dump().items() if there.model_dump()[name] != value]
        raise InputError(
            f"'{folder.path}' holds {finished_epochs(folder.checkpoint)} epochs of a run with other settings: {', '.join(changed)} differ. "
            "Give the options it was started with (--precision), choose another --out, or remove that folder."
        )

    def report_epoch(row: dict[str, Any]) -> None:
        report(row)
        if limits.over():
            raise StopTraining

    result = fit(config, dataset, folder, device, resume=resume, report=report_epoch, until=limits.until(model))
    provenance = result.network.provenance
    record = Record(
        model=model.name,
        seed=seed,
        epochs=model.epochs,
        epochs_run=int(provenance.get("epochs_run", model.epochs)),
        test_accuracy=float(provenance["test_accuracy"]),
        parameters=int(provenance["parameters"]),
        seconds=round(result.seconds, 1),
        device=device_name(pick_device(device), result.threads),
        versions={"nearwire": VERSION, "torch": torch.__version__, "python": platform.python_version()},
        protocol=config.model_dump(mode="json"),
    )
    record.write(out / "records")
    return record


def run_folder(out: Path, model: str, seed: int) -> RunFolder:
    """Where a run's network and checkpoint are."""
    return RunFolder(out / model / f"seed-{seed}")


def device_name(device: torch.device, threads: int) -> str:
    """What computed: the GPU's name, or the processor's with the threads it used."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{processor()}, {threads} thread{'' if threads == 1 else 's'}"


def processor() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
