"""Doctor: does a board work here? Found out by compiling a small program for it and running it there, not by looking for files."""

from __future__ import annotations

import string
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devices import toolchain
from devices.board import Board
from devices.errors import NearwireError
from devices.links import unicorn

ROUNDS = 1000
PROGRAM = """
unsigned probe(unsigned n)
{
    unsigned value = 1u;
    while (n > 0u) {
        value = value * 1664525u + 1013904223u;
        n--;
    }
    return value;
}
"""
MAIN = """
#include <stdio.h>
unsigned probe(unsigned n);
int main(void)
{
    printf("%u", probe(1000u));
    return 0;
}
"""
SCRIPT = string.Template("SECTIONS { . = $origin; .text : { *(.text .text.*) } /DISCARD/ : { *(.ARM.exidx* .ARM.extab*) } }\n")


@dataclass(frozen=True)
class Finding:
    """What the doctor found out about one board."""

    board: str
    works: bool
    detail: str  # what was compiled and run, or what went wrong
    fix: str = ""  # the command that helps

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(boards: Iterable[Board]) -> list[Finding]:
    """A finding for each board."""
    return [_examine(board) for board in boards]


def _examine(board: Board) -> Finding:
    if board.emulated and (lack := unicorn.missing()):
        return _lacking(board, lack)
    if lack := toolchain.missing(board.toolchain):
        return _lacking(board, lack)
    try:
        with tempfile.TemporaryDirectory(prefix="nearwire-", ignore_cleanup_errors=True) as folder:
            detail, value = (_run_emulated if board.emulated else _run_here)(board, Path(folder))
    except NearwireError as error:
        return Finding(board.name, False, str(error), _fix(board))
    if value != _expected():
        return Finding(board.name, False, f"{detail}: the program returned {value}, not {_expected()}", _fix(board))
    return Finding(board.name, True, detail)


def _lacking(board: Board, text: str) -> Finding:
    problem, _, command = text.partition(" Run: ")
    return Finding(board.name, False, problem.rstrip("."), command)


def _fix(board: Board) -> str:
    if board.emulated:
        return f"{toolchain.INSTALL_ZIG} --upgrade --force-reinstall unicorn pyelftools"
    return toolchain.INSTALL_HOST


def _run_here(board: Board, folder: Path) -> tuple[str, int]:
    compiler = toolchain.compiler_for(board.toolchain)
    (folder / "probe.c").write_text(PROGRAM)
    (folder / "main.c").write_text(MAIN)
    program = folder / "probe.exe"
    compiler.run(["-std=c99", *board.toolchain.flags, "-o", program, folder / "probe.c", folder / "main.c"], "a small program")
    try:
        done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=True)
        return f"compiled and ran a program with {compiler.detail}", int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NearwireError(f"{compiler.detail} compiled a program that does not run here: {error}.") from error


def _run_emulated(board: Board, folder: Path) -> tuple[str, int]:
    compiler = toolchain.compiler_for(board.toolchain)
    origin = hex(board.memory.flash_origin) if board.memory else "0"
    (folder / "probe.c").write_text(PROGRAM)
    (folder / "memory.ld").write_text(SCRIPT.substitute(origin=origin))
    program = folder / "probe.elf"
    compiler.run(
        ["-std=c99", *board.toolchain.flags, "-g", "-Wl,-e,probe", "-T", folder / "memory.ld", "-o", program, folder / "probe.c"],
        f"a small program for {board.core}",
    )
    core = unicorn.Core(unicorn.read_image(program), board, unicorn.PAGE)
    value = core.call("probe", ROUNDS, time_limit_s=10)
    count = core.count("probe", ROUNDS, time_limit_s=10).total
    return f"compiled with {compiler.detail}, ran {count} instructions on the emulated {board.core}", value


def _expected() -> int:
    value = 1
    for _ in range(ROUNDS):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
    return value
