"""Figures whose curves are test accuracies: the points, the table that is printed, and what was run."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.console import print_table
from train.paper.models import Model
from train.paper.records import Record


@dataclass(frozen=True)
class Point:
    """Test accuracies, one a seed, at a place on the horizontal axis."""

    at: float
    values: list[float]

    @property
    def mean(self) -> float:
        return statistics.mean(self.values)

    @property
    def deviation(self) -> float:
        return statistics.stdev(self.values) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Curve:
    """A model's points."""

    model: Model
    found: list[Record]
    points: list[Point]

    @property
    def run(self) -> str:
        """How much of the protocol the records stand for."""
        epochs = sorted({record.epochs_run for record in self.found})
        if not epochs:
            return "not run"
        return f"{'-'.join(str(n) for n in dict.fromkeys((epochs[0], epochs[-1])))} of {self.found[0].epochs} epochs"


@dataclass(frozen=True)
class Figure:
    """Curves over one axis."""

    name: str
    title: str
    axis: str
    curves: list[Curve]
    files: list[Path] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        curves = [
            {
                "model": curve.model.name,
                "title": curve.model.title,
                "run": curve.run,
                "complete": bool(curve.found) and all(record.complete for record in curve.found),
                "points": [{"at": point.at, "test_accuracy": point.values} for point in curve.points],
            }
            for curve in self.curves
        ]
        return {"title": self.title, "axis": self.axis, "curves": curves, "files": [str(path) for path in self.files]}

    def print(self) -> None:
        places = sorted({point.at for curve in self.curves for point in curve.points})
        header = [self.axis, *(f"{curve.model.title} ({curve.run})" for curve in self.curves)]
        rows = []
        for at in places:
            cells = [f"{at:g}"]
            for curve in self.curves:
                point = next((point for point in curve.points if point.at == at), None)
                cells.append("-" if point is None else f"{point.mean:.4f}" + (f" ± {point.deviation:.4f}" if point.deviation else ""))
            rows.append(cells)
        print_table(self.title, header, rows)
        for path in self.files:
            print(path)
