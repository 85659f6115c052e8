"""The errors every command reports: one sentence each for what is wrong, what was found, what is allowed and what to do.

Exit codes of the commands: 0 done, 1 failed at run time, 2 wrong usage or input, 3 a check or budget was not met, 130 interrupted, 143 ended by SIGTERM.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NearwireError(Exception):
    """A failure at run time (exit code 1): a compiler that fails, a disk that is full, a board that is silent."""

    exit_code = 1


class InputError(NearwireError):
    """Wrong usage or input (exit code 2): a missing or corrupt file, a wrong shape, an unknown name."""

    exit_code = 2


class CheckError(NearwireError):
    """A check or a budget is not met (exit code 3): parity, accuracy, flash, RAM, latency."""

    exit_code = 3


class DoesNotFit(CheckError):
    """A program needs more ``memory`` ('flash' or 'RAM') than its board has; whoever knows the layers adds which one is to blame."""

    def __init__(self, memory: str, message: str) -> None:
        super().__init__(message)
        self.memory = memory


def unknown_name(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not in a registry; it suggests the nearest known name."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return InputError(f"unknown {what} '{name}'.{hint} Known: {', '.join(names) if names else 'none'}.")
