"""What became of the mutants of one surface."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

SPARE = 300 * 10**6  # bytes of memory that reading a file may take beside 4 times its own


@dataclass
class Report:
    """``faults``: signature of a traceback, a crash, a hang or too much memory, and how often; ``first``: the number of its first mutant."""

    surface: str
    seed: int
    mutants: int = 0
    accepted: int = 0
    refused: int = 0
    peak_bytes: int = 0  # highest memory of a worker over what it had before its first mutant
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, fault: str, number: int) -> None:
        """Count a fault of the mutant of that number."""
        self.faults[fault] += 1
        self.first.setdefault(fault, number)

    def count(self, kind: str) -> int:
        """Faults of a kind: traceback, hang, crash, memory, unnamed."""
        return sum(times for fault, times in self.faults.items() if fault.startswith(kind))
