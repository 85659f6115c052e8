"""Budgets: limits a build must keep. A build over budget is refused (exit code 3) with required, available and the layer to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compile.passes.store import LayerLedger
from devices.board import Board
from devices.errors import CheckError, InputError
from runtime.backends.figures import FirmwareFigures
from runtime.backends.firmware import unmeasured
from runtime.manifest import Accuracy

UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


@dataclass(frozen=True)
class Budgets:
    """None: no limit but the board's own."""

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    instructions: int | None = None
    accuracy: float | None = None  # at least, of the quantised network


def parse_bytes(text: str | None, option: str) -> int | None:
    """'8k' is 8192, '1m' 1048576, '600' 600; InputError naming the option for all else."""
    if text is None:
        return None
    digits, unit = (text[:-1], text[-1].lower()) if text[-1:].isalpha() else (text, "")
    if not digits.isdigit() or unit not in UNITS:
        raise InputError(f"{option} is '{text}'; allowed: bytes, as in 600, 8k or 1m.")
    return int(digits) * UNITS[unit]


def check_budgets(
    budgets: Budgets, board: Board, accuracy: Accuracy, figures: FirmwareFigures | None, ledger: Sequence[LayerLedger]
) -> dict[str, dict[str, float | bool]]:
    """What was asked for and found, for the manifest; CheckError for the first limit that is not kept."""
    asked: list[tuple[str, float | None, float, str]] = []
    if figures is not None:
        largest = max(ledger, key=lambda entry: entry.formats[entry.chosen].bytes)
        slowest = max(ledger, key=lambda entry: figures.layer_instructions[entry.name])
        asked = [
            ("flash_bytes", budgets.flash_bytes, figures.flash_bytes, f"layer '{largest.name}' takes {largest.formats[largest.chosen].bytes} of it"),
            ("ram_bytes", budgets.ram_bytes, figures.ram_bytes, "the widest pair of neighbouring layers decides it"),
            ("instructions", budgets.instructions, figures.instructions_mean, f"layer '{slowest.name}' takes most of them"),
        ]
    elif (budgets.flash_bytes, budgets.ram_bytes, budgets.instructions) != (None, None, None):
        raise CheckError(f"budgets cannot be checked, since nothing was measured: {unmeasured(board)}.")
    met: dict[str, dict[str, float | bool]] = {}
    for name, limit, found, blame in asked:
        if limit is None:
            continue
        if found > limit:
            raise CheckError(
                f"the build needs {found:.0f} {name.replace('_', ' ')} on '{board.name}', the budget is {limit:.0f}; {blame}. Prune more or take another format."
            )
        met[name] = {"limit": float(limit), "found": float(found), "met": True}
    if budgets.accuracy is not None:
        if accuracy.quantised < budgets.accuracy:
            raise CheckError(
                f"the quantised network reaches {accuracy.quantised:.4f} on {accuracy.data}, the budget is {budgets.accuracy:.4f}; float was {accuracy.float_:.4f}."
            )
        met["accuracy"] = {"limit": budgets.accuracy, "found": accuracy.quantised, "met": True}
    return met
