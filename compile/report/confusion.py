"""The confusion of classes as a page can show it: a matrix where it fits, the most frequent mistakes in any case."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from compile.report.facts import Facts
from runtime.report.words import share, short

MATRIX_CLASSES = 30  # more do not fit a page
HEATS = (0.004, 0.015, 0.05, 0.15)  # shares of a class, above which a mistake's cell gets the next of five shades


@dataclass(frozen=True)
class Cell:
    """How often a class was taken for another. ``heat``: 0 (never, or right) to 5, by the share of the class."""

    true: int
    predicted: int
    samples: int
    heat: int
    text: str


@dataclass(frozen=True)
class Row:
    """All samples of one class."""

    name: str
    samples: int
    right: str  # share
    cells: tuple[Cell, ...]


def matrix(facts: Facts, classes: Sequence[str]) -> list[Row] | None:
    """A row a class; None where there are too many classes."""
    if len(classes) > MATRIX_CLASSES:
        return None
    counts = {(a, b): n for a, b, n in facts.confusion}
    names = [short(name, 24) for name in classes]
    rows = []
    for a, name in enumerate(names):
        total = sum(counts.get((a, b), 0) for b in range(len(names)))
        cells = []
        for b, other in enumerate(names):
            n = counts.get((a, b), 0)
            text = f"{name} right: {n:,} of {total:,}" if a == b else f"{name} taken for {other}: {n:,} of {total:,}"
            cells.append(Cell(a, b, n, 0 if a == b else _heat(n, total), text))
        right = counts.get((a, a), 0)
        rows.append(Row(name, total, share(right / total) if total else "no samples", tuple(cells)))
    return rows


def _heat(samples: int, total: int) -> int:
    return 0 if samples == 0 else 1 + bisect.bisect_left(HEATS, samples / total)
