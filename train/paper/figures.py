"""Figures whose curves are test accuracies: the points, the table that is printed, what was run, and the paper's claims beside ours."""

from __future__ import annotations

import hashlib
import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train.paper.models import Model
from train.paper.records import Record
from train.paper.tables import Grid, epochs_of


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
        return f"{epochs_of(self.found)} of {self.found[0].epochs} epochs" if self.found else "not run"

    def at(self, position: float) -> float | None:
        """The mean at a place, None if it was not run."""
        return next((point.mean for point in self.points if point.at == position), None)

    def ahead_of(self, other: Curve) -> float | None:
        """The first place from which on the mean is above the other's wherever both were run; None if it is not so at the last of them."""
        first = None
        for position in sorted({point.at for point in self.points}, reverse=True):
            one, two = self.at(position), other.at(position)
            if one is None or two is None:
                continue
            if one <= two:
                break
            first = position
        return first


@dataclass(frozen=True)
class Figure(Grid):
    """Curves over one axis. ``claims``: what the paper says of them, each with what we found."""

    name: str
    title: str
    axis: str
    curves: list[Curve]
    claims: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Which curves the files show: the first 16 digits of their SHA-256."""
        return hashlib.sha256(json.dumps(self.to_dict()["curves"], sort_keys=True).encode()).hexdigest()[:16]

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
        return {"title": self.title, "axis": self.axis, "curves": curves, "claims": self.claims, "files": [str(path) for path in self.files]}

    def header(self) -> list[str]:
        return [self.axis, *(f"{curve.model.title} ({curve.run})" for curve in self.curves)]

    def rows(self) -> list[list[str]]:
        return [[f"{at:g}", *(_cell(curve, at) for curve in self.curves)] for at in sorted({p.at for curve in self.curves for p in curve.points})]

    def below(self) -> list[str]:
        return [*self.claims, *(str(path) for path in self.files)]


def _cell(curve: Curve, at: float) -> str:
    point = next((point for point in curve.points if point.at == at), None)
    return "-" if point is None else f"{point.mean:.4f}" + (f" ± {point.deviation:.4f}" if point.deviation else "")
