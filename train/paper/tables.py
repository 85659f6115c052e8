"""Tables: a row a model, the paper's figure, ours, the difference, and how much of the protocol was run."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from devices.console import print_table
from train.paper.models import Model
from train.paper.records import Record


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
