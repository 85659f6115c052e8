"""Doctor: does a board work here? Found out by compiling a small program for it and running it there, not by looking for files.

A real board is not touched: for it the program is built, and its flashing tool and serial ports are looked for.
"""

from __future__ import annotations

import string
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devices import flash, program, toolchain
from devices.board import Board
from devices.errors import NearwireError
from devices.links import open_link, qemu, serial, unicorn

ROUNDS = 1000
ANSWER_S = 10.0
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
    if lack := MISSING[board.link](board) or toolchain.missing(board.toolchain):
        return _lacking(board, lack)
    try:
        with tempfile.TemporaryDirectory(prefix="nearwire-", ignore_cleanup_errors=True) as folder:
            detail, value = RUN[board.link](board, Path(folder))
    except NearwireError as error:
        return Finding(board.name, False, str(error), _fix(board))
    if value != _expected():
        return Finding(board.name, False, f"{detail}: the program returned {value}, not {_expected()}", _fix(board))
    return Finding(board.name, True, detail)


def _lacking(board: Board, text: str) -> Finding:
    problem, _, command = text.partition(" Run: ")
    return Finding(board.name, False, problem.rstrip("."), command)


def _fix(board: Board) -> str:
    if board.link == "local":
        return toolchain.INSTALL_HOST
    if board.qemu:
        return f"{toolchain.INSTALL_ZIG} --upgrade --force-reinstall; apt install --reinstall {board.qemu.package}"
    if board.link == "serial":
        return f"{toolchain.INSTALL_ZIG} --upgrade --force-reinstall"
    return f"{toolchain.INSTALL_ZIG} --upgrade --force-reinstall unicorn pyelftools capstone"


def _run_here(board: Board, folder: Path) -> tuple[str, int]:
    compiler = toolchain.compiler_for(board.toolchain)
    (folder / "probe.c").write_text(PROGRAM)
    (folder / "main.c").write_text(MAIN)
    path = folder / "probe.exe"
    compiler.run(["-std=c99", *compiler.flags, "-o", path, folder / "probe.c", folder / "main.c"], "a small program")
    try:
        done = subprocess.run([path], capture_output=True, text=True, timeout=60, check=True)
        return f"compiled and ran a program with {compiler.detail}", int(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NearwireError(f"{compiler.detail} compiled a program that does not run here: {error}.") from error


def _run_emulated(board: Board, folder: Path) -> tuple[str, int]:
    compiler = toolchain.compiler_for(board.toolchain)
    origin = hex(board.memory.flash_origin) if board.memory else "0"
    (folder / "probe.c").write_text(PROGRAM)
    (folder / "memory.ld").write_text(SCRIPT.substitute(origin=origin))
    path = folder / "probe.elf"
    compiler.run(
        ["-std=c99", *compiler.flags, "-g", "-Wl,-e,probe", "-T", folder / "memory.ld", "-o", path, folder / "probe.c"],
        f"a small program for {board.core}",
    )
    core = unicorn.Core(unicorn.read_image(path), board, unicorn.PAGE)
    value = core.call("probe", ROUNDS, time_limit_s=10)
    count = core.count("probe", ROUNDS, time_limit_s=10).total
    return f"compiled with {compiler.detail}, ran {count} instructions on the emulated {board.core}", value


def _run_qemu(board: Board, folder: Path) -> tuple[str, int]:
    """Through the board's port and the emulated UART, as a firmware would."""
    made = program.build(board, folder, [], [program.PORTS / "probe.c"], [])
    with open_link(board, made.path) as connection:
        answer, end = b"", time.monotonic() + ANSWER_S
        while b"\n" not in answer and time.monotonic() < end:
            connection.write(b"?")  # once more, since a program that is still starting may lose it
            answer += connection.read(1.0)
    try:
        return f"built with {made.compiler.split(' -')[0]}, ran on {connection.where}", int(answer.split(b"\n")[0], 16)
    except ValueError as error:
        raise NearwireError(f"{connection.where}: the program answered {answer!r} within {ANSWER_S:g} s, not a number.") from error


def _build_only(board: Board, folder: Path) -> tuple[str, int]:
    made = program.build(board, folder, [], [program.PORTS / "probe.c"], [])
    ports = serial.ports()
    where = f"serial ports here: {', '.join(ports)}" if ports else "no serial port here: connect the board"
    return f"{board.status}; builds with {made.compiler.split(' -')[0]} ({made.sizes.flash} bytes), {where}".removeprefix("; "), _expected()


def _expected() -> int:
    value = 1
    for _ in range(ROUNDS):
        value = (value * 1664525 + 1013904223) & 0xFFFFFFFF
    return value


# By link: what is missing on this computer, and how the small program is run.
MISSING: dict[str, Callable[[Board], str | None]] = {
    "local": lambda _: None,
    "unicorn": lambda _: unicorn.missing(),
    "qemu": qemu.missing,
    "serial": flash.missing,
}
RUN: dict[str, Callable[[Board, Path], tuple[str, int]]] = {"local": _run_here, "unicorn": _run_emulated, "qemu": _run_qemu, "serial": _build_only}
