"""Tables: a row a model, the paper's figure, ours, the difference, and how much of the protocol was run."""

from __future__ import annotations

import json
import statistics
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.common.console import print_table
from devices.common.files import write_whole
from devices.common.text import say
from train.paper.models import Model
from train.paper.records import Record


class Grid(ABC):
    """What is shown as a table: printed, and written as Markdown and JSON."""

    title: str

    @abstractmethod
    def to_dict(self) -> dict[str, Any]: ...

    @abstractmethod
    def header(self) -> list[str]: ...

    @abstractmethod
    def rows(self) -> list[list[str]]: ...

    def below(self) -> list[str]:
        """Lines under the table."""
        return []

    def print(self) -> None:
        print_table(self.title, self.header(), self.rows())
        for line in self.below():
            say(line)

    def write(self, folder: Path, name: str) -> None:
        """``name``.md and ``name``.json."""
        folder.mkdir(parents=True, exist_ok=True)
        text = f"# {self.title}\n\n{markdown(self.header(), self.rows())}" + "".join(f"\n{line}\n" for line in self.below())
        write_whole(folder / f"{name}.md", text.encode())
        write_whole(folder / f"{name}.json", (json.dumps(self.to_dict(), indent=1) + "\n").encode())


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]]) + "\n"


def epochs_of(records: Sequence[Record]) -> str:
    """The epochs that were run, as 300 or 53-200."""
    epochs = sorted({record.epochs_run for record in records})
    return "-".join(str(n) for n in dict.fromkeys((epochs[0], epochs[-1])))


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
        epochs = f"{epochs_of(self.found)} of {model.epochs}" if self.found else "-"
        return [model.title, f"{model.parameters:,}", paper, ours, difference, str(len(self.found)), epochs]


@dataclass(frozen=True)
class Table(Grid):
    """Rows of models."""

    title: str
    found: list[Row] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {"title": self.title, "rows": [row.to_dict() for row in self.found]}

    def header(self) -> list[str]:
        return ["model", "parameters", "paper", "ours", "difference", "seeds", "epochs"]

    def rows(self) -> list[list[str]]:
        return [row.cells() for row in self.found]
