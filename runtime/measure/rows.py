"""The cost of every layer as rows of a table, from a backend's own figures, with its share of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runtime.backends import LayerFigure


@dataclass(frozen=True)
class ProfileRow:
    """One layer, or one node of a runtime that fuses layers. ``share`` is of the total time or instructions."""

    name: str
    time_us: float | None
    instructions: float | None
    share: float
    note: str
    cycles: float | None = None  # estimated

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def profile_rows(figures: Sequence[LayerFigure]) -> list[ProfileRow]:
    """The figures of a backend with their shares."""
    cost = [figure.instructions if figure.instructions is not None else figure.time_us or 0.0 for figure in figures]
    total = sum(cost) or 1.0
    return [ProfileRow(f.name, f.time_us, f.instructions, c / total, f.note, f.cycles) for f, c in zip(figures, cost, strict=True)]
