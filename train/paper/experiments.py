"""The experiments by name: each takes ``Runs`` and returns what is shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from devices.console import print_table
from devices.errors import InputError
from runtime.data import Dataset, load_dataset
from train.fit import Report
from train.paper import records
from train.paper.models import TABLES, Model
from train.paper.records import Record
from train.paper.run import Limits, run

Bar = Callable[[str, int], AbstractContextManager[Report]]


@dataclass
class Runs:
    """How runs are made: where, how many, how long. Gives the records of a model, training what is missing."""

    out: Path
    seeds: int
    limits: Limits
    device: str
    precision: str
    shipped: bool
    only: tuple[str, ...] | None
    bar: Bar

    @cached_property
    def dataset(self) -> Dataset:
        return load_dataset("mnist")

    def chosen(self, models: tuple[Model, ...]) -> list[Model]:
        """Those of --models; InputError for one that the experiment lacks."""
        known = [model.name for model in models]
        unknown = [name for name in self.only or () if name not in known]
        if unknown:
            raise InputError(f"--models names '{unknown[0]}', which is not part of this experiment. Allowed: {', '.join(known)}.")
        return [model for model in models if self.only is None or model.name in self.only]

    def of(self, model: Model) -> list[Record]:
        """One record a seed, as far as they were run."""
        found = []
        for seed in range(self.seeds):
            if self.shipped:
                record = records.read(records.SHIPPED, model.name, seed)
            elif self.limits.over():
                record = records.read(self.out / "records", model.name, seed)
            else:
                until = self.limits.until(model)
                changes = {} if self.precision == "float32" else {"precision": self.precision}
                with self.bar(f"{model.title}, seed {seed}", until) as report:
                    record = run(model, seed, self.dataset, self.out, self.limits, self.device, report, **changes)
            if record is not None:
                found.append(record)
        return found


@dataclass(frozen=True)
class Row:
    """A model, what the paper says of it, and what we found."""

    model: Model
    found: list[Record]

    @property
    def mean(self) -> float | None:
        return statistics.mean(record.test_accuracy for record in self.found) if self.found else None

    @property
    def deviation(self) -> float | None:
        return statistics.stdev(record.test_accuracy for record in self.found) if len(self.found) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        model = self.model
        return {
            "model": model.name,
            "parameters": model.parameters,
            "epochs": model.epochs,
            "paper": {"mean": model.mean, "deviation": model.deviation},
            "ours": {
                "mean": None if self.mean is None else round(self.mean, 6),
                "deviation": None if self.deviation is None else round(self.deviation, 6),
                "epochs_run": [record.epochs_run for record in self.found],
                "test_accuracy": [record.test_accuracy for record in self.found],
                "complete": bool(self.found) and all(record.complete for record in self.found),
            },
            "difference": None if self.mean is None or model.mean is None else round(self.mean - model.mean, 6),
        }

    def cells(self) -> list[str]:
        model, mean = self.model, self.mean
        paper = "-" if model.mean is None else f"{model.mean:.4f} ± {model.deviation:.4f}"
        ours = "not run" if mean is None else f"{mean:.4f}" + ("" if self.deviation is None else f" ± {self.deviation:.4f}")
        difference = "-" if mean is None or model.mean is None else f"{mean - model.mean:+.4f}"
        run = sorted({record.epochs_run for record in self.found})
        epochs = "-" if not run else f"{'-'.join(str(n) for n in dict.fromkeys((run[0], run[-1])))} of {model.epochs}"
        return [model.title, f"{model.parameters:,}", paper, ours, difference, str(len(self.found)), epochs]


@dataclass(frozen=True)
class Table:
    """Rows to print."""

    title: str
    rows: list[Row] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"title": self.title, "rows": [row.to_dict() for row in self.rows]}

    def print(self) -> None:
        header = ["model", "parameters", "paper", "ours", "difference", "seeds", "epochs"]
        print_table(self.title, header, [row.cells() for row in self.rows])


def table1(runs: Runs) -> Table:
    """Test accuracy of the MLPs."""
    return Table("Table 1: test accuracy on MNIST", [Row(model, runs.of(model)) for model in runs.chosen(TABLES["table1"])])


EXPERIMENTS: dict[str, Callable[[Runs], Table]] = {"table1": table1}
