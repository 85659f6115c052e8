"""The confusion of classes as a page can show it: a matrix where it fits, the most frequent mistakes in any case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from compile.report.facts import Facts
from runtime.report.words import share, short

MATRIX_CLASSES = 30  # more do not fit a page
HEATS = 5  # shades of a cell


@dataclass(frozen=True)
class Cell:
    """How often a class was taken for another. ``heat``: 0 (never) to HEATS, by the logarithm of the share of the class."""

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
    if samples == 0:
        return 0
    return min(max(math.ceil(math.log2(samples / total * 400 + 1)), 1), HEATS)  # a quarter of a percent: 1; eight percent: all
