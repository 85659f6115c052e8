"""Budgets: limits a build must keep, the board's own and those that were asked for. A build over one is refused (exit code 3) with what is
required, what is available and the layer to blame.

What is certain before anything is compiled (bytes of constants, static RAM, accuracy) is checked then, the rest when it is measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as pydantic_dataclass

from compile.emit.c.steady import static_memory
from compile.passes.store import LayerLedger
from devices.boards.board import Board
from devices.cost.cycles import timing_of
from devices.errors import CheckError, DoesNotFit, InputError
from runtime.backends.firmware.backend import countable, unmeasured, unusable
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.builds.manifest import Accuracy
from runtime.network.network import Network

UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}
TIMES = {"us": 1.0, "ms": 1e3, "s": 1e6}  # microseconds
FLASH_ADVICE = "Prune more, or take a format with fewer bytes"
RAM_ADVICE = "Make neighbouring layers narrower, or take a format without scratch memory"
TIME_ADVICE = "Prune more, or compile with --optimise latency"


@pydantic_dataclass(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class Budgets:
    """None: no limit but the board's own."""

    flash_bytes: int | None = None
    """Refuse a build with more flash: bytes, 8k, 1m."""
    ram_bytes: int | None = None
    """Refuse a build with more RAM: bytes, 8k, 1m."""
    instructions: int | None = None
    """Refuse a build with more instructions an inference."""
    latency_us: float | None = None
    """Refuse a build that takes longer, by estimated cycles at the board's clock: 900us, 2.5ms."""
    accuracy: float | None = None
    """Refuse a build below this accuracy on the test set."""


@dataclass(frozen=True)
class Blame:
    """Who is to blame for each cost: sentences with the layer and its share."""

    flash: str
    ram: str
    instructions: str
    cycles: str


def parse_bytes(text: str | None, option: str) -> int | None:
    """'8k' is 8192, '1m' 1048576, '600' 600; InputError naming the option for all else."""
    if text is None:
        return None
    digits, unit = (text[:-1], text[-1].lower()) if text[-1:].isalpha() else (text, "")
    if not digits.isdigit() or unit not in UNITS:
        raise InputError(f"{option} is '{text}'; allowed: bytes, as in 600, 8k or 1m.")
    return int(digits) * UNITS[unit]


def parse_time(text: str | None, option: str) -> float | None:
    """Microseconds: '900us' is 900, '2.5ms' 2500, '1s' 1000000; InputError naming the option for all else."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s)", text)
    if match is None:
        raise InputError(f"{option} is '{text}'; allowed: a time with its unit, as in 900us, 2.5ms or 1s.")
    return float(match[1]) * TIMES[match[2]]


def latency_us(figures: FirmwareFigures, board: Board) -> float | None:
    """Estimated time of one inference; None where the board's clock or its core's timings are not known."""
    if figures.cycles_mean is None or board.clock_hz is None:
        return None
    return figures.cycles_mean / board.clock_hz * 1e6


def blame(network: Network, ledger: Sequence[LayerLedger], figures: FirmwareFigures | None = None) -> Blame:
    """The largest share of each cost in a stored network."""
    constants = {f"layer '{entry.name}' ({entry.chosen})": entry.formats[entry.chosen].bytes for entry in ledger}
    work = {
        f"layer '{entry.name}' ({entry.chosen})": figures.layer_instructions[entry.name] if figures else entry.formats[entry.chosen].instructions
        for entry in ledger
    }
    cycles = (
        {f"layer '{entry.name}' ({entry.chosen})": figures.layer_cycles[entry.name] for entry in ledger} if figures and figures.layer_cycles else {}
    )
    return Blame(
        flash=_largest(constants, "takes {:.0f} of the {:.0f} bytes of constants"),
        ram=_largest(static_memory(network), "takes {:.0f} of the {:.0f} static bytes"),
        instructions=_largest(work, "takes {:.0f} of {:.0f} instructions"),
        cycles=_largest(cycles, "takes {:.0f} of {:.0f} cycles") if cycles else "",
    )


def check_askable(budgets: Budgets, board: Board) -> None:
    """Before any work: InputError for a budget that cannot be checked on this board; CheckError where what measures it is not installed."""
    limits = {name: getattr(budgets, name) for name in ("flash_bytes", "ram_bytes", "instructions", "latency_us")}
    asked = [f"--max-{name.partition('_')[0]}" for name, limit in limits.items() if limit is not None]
    if asked and not countable(board):
        raise InputError(f"{', '.join(asked)} cannot be checked: {unmeasured(board)}.")
    if budgets.latency_us is not None and board.clock_hz is None:
        raise InputError(
            f"--max-latency cannot be checked: board '{board.name}' has no clock. Give a real board of 'nearwire devices list', or --max-instructions."
        )
    if budgets.latency_us is not None and board.emulator is not None and timing_of(board.emulator.model) is None:
        raise InputError(f"--max-latency cannot be checked: nobody publishes the timings of a {board.core}. Give --max-instructions instead.")
    if asked and unusable(board):
        raise CheckError(f"budgets cannot be checked: {unmeasured(board)}.")


def check_before(budgets: Budgets, board: Board, accuracy: Accuracy, network: Network, ledger: Sequence[LayerLedger]) -> None:
    """CheckError for the first limit that the build cannot keep, whatever its code will be."""
    who = blame(network, ledger)
    constants = sum(entry.formats[entry.chosen].bytes for entry in ledger)
    static = sum(static_memory(network).values())
    memory = board.memory
    has = f"board '{board.name}' has"
    for limit, owner in ((budgets.flash_bytes, "the budget is"), (memory.flash_bytes if memory else None, has)):
        _require(constants, limit, owner, "bytes of flash for its constants alone", f"{who.flash}. {FLASH_ADVICE}")
    for limit, owner in ((budgets.ram_bytes, "the budget is"), (memory.ram_bytes if memory else None, has)):
        _require(static, limit, owner, "bytes of RAM without its stack", f"{who.ram}. {RAM_ADVICE}")
    if budgets.accuracy is not None and accuracy.quantised < budgets.accuracy:
        raise CheckError(
            f"the quantised network reaches {accuracy.quantised:.4f} on {accuracy.data}, the budget is {budgets.accuracy:.4f}; float was {accuracy.float_:.4f}."
        )


@contextmanager
def explained(network: Network, ledger: Sequence[LayerLedger]) -> Iterator[None]:
    """Programs that do not fit their board, with the layer to blame."""
    try:
        yield
    except DoesNotFit as error:
        who = blame(network, ledger)
        what, advice = (who.flash, FLASH_ADVICE) if error.memory == "flash" else (who.ram, RAM_ADVICE)
        raise CheckError(f"{error}; {what}. {advice}.") from error


def check_budgets(
    budgets: Budgets, board: Board, accuracy: Accuracy, figures: FirmwareFigures | None, network: Network, ledger: Sequence[LayerLedger]
) -> dict[str, dict[str, float | bool]]:
    """What was asked for and measured, for the manifest; CheckError for the first limit that is not kept."""
    met: dict[str, dict[str, float | bool]] = {}
    if figures is not None:
        who = blame(network, ledger, figures)
        asked: tuple[tuple[str, float | None, float, str, str], ...] = (
            ("flash_bytes", budgets.flash_bytes, figures.flash_bytes, "bytes of flash", f"{who.flash}. {FLASH_ADVICE}"),
            ("ram_bytes", budgets.ram_bytes, figures.ram_bytes, "bytes of RAM", f"{who.ram}. {RAM_ADVICE}"),
            ("instructions", budgets.instructions, figures.instructions_mean, "instructions an inference", f"{who.instructions}. {TIME_ADVICE}"),
        )
        if budgets.latency_us is not None:
            estimated = latency_us(figures, board)
            if estimated is None:
                raise CheckError(f"--max-latency cannot be checked: nobody publishes the timings of a {board.core}. Give --max-instructions instead.")
            unit = f"us an inference, estimated at {(board.clock_hz or 0) / 1e6:g} MHz without wait states"
            asked = (*asked, ("latency_us", budgets.latency_us, estimated, unit, f"{who.cycles}. {TIME_ADVICE}"))
        for name, limit, figure, unit, why in asked:
            _require(figure, limit, f"on '{board.name}', the budget is", unit, why)
            if limit is not None:
                met[name] = {"limit": float(limit), "found": float(figure), "met": True}
    elif (budgets.flash_bytes, budgets.ram_bytes, budgets.instructions, budgets.latency_us) != (None, None, None, None):
        raise CheckError(f"budgets cannot be checked, since nothing was measured: {unmeasured(board)}.")
    if budgets.accuracy is not None:
        met["accuracy"] = {"limit": budgets.accuracy, "found": accuracy.quantised, "met": True}
    return met


def _require(figure: float, limit: float | None, owner: str, unit: str, why: str) -> None:
    if limit is not None and figure > limit:
        raise CheckError(f"the build needs {figure:.0f} {unit}, {owner} {limit:.0f}; {why}.")


def _largest(parts: Mapping[str, float], text: str) -> str:
    name, value = max(parts.items(), key=lambda item: item[1])
    return f"{name} {text.format(value, sum(parts.values()))}"
