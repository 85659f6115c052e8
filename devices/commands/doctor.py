"""Doctor: does a board work here? Found out by compiling a small program for it and running it there, not by looking for files.

A real board is not touched: for it the program is built, and its flashing tool and serial ports are looked for.
"""

from __future__ import annotations

import string
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devices.boards.board import Board, Toolchain
from devices.common.temporary import temporary_folder
from devices.computers import emulated, open_computer
from devices.computers.base import TARGETS
from devices.computers.compilers import static_compilers
from devices.computers.wheels import examine as examine_wheels
from devices.errors import NearwireError
from devices.links import open_link, qemu, serial, unicorn
from devices.tools import flash, program, toolchain

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
    optional: bool = False  # a library that the board works without

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(boards: Iterable[Board]) -> list[Finding]:
    """A finding for each board; behind that of a Linux board one for each Python and library there."""
    findings = []
    for board in boards:
        findings.append(_examine(board))
        if findings[-1].works and board.link == "ssh" and board.linux and board.linux.host:
            findings += _libraries(board)
    return findings


def _examine(board: Board) -> Finding:
    if lack := MISSING[board.link](board) or toolchain.missing(board.toolchain):
        return _lacking(board, lack)
    try:
        with temporary_folder() as folder:
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
    if board.link in ("ssh", "qemu-user"):
        return "see 'what was found'"
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


def _run_computer(board: Board, folder: Path) -> tuple[str, int]:
    """A static program, compiled for the computer, sent there and run; only compiled for a kind of board without an address."""
    if board.link == "ssh" and board.linux and not board.linux.host:
        detail = _static_program(board, folder, toolchain.compiler_for(Toolchain(compiler="zig", target=TARGETS["aarch64"])))[1]
        return f"{board.status}; builds with {detail}, no address: nearwire devices add NAME USER@HOST --like {board.name}", _expected()
    with open_computer(board) as computer:
        content, detail = _static_program(board, folder, static_compilers(board, computer)[1])
        path = computer.put("probe", content, executable=True)
        done = computer.run([path]).check("running a small program", board.name)
        try:
            return f"built with {detail}, ran on {computer.detail}", int(done.out)
        except ValueError as error:
            raise NearwireError(f"'{board.name}': the small program answered {done.out[:80]!r}, not a number.") from error


def _static_program(board: Board, folder: Path, compiler: toolchain.Compiler) -> tuple[bytes, str]:
    (folder / "probe.c").write_text(PROGRAM)
    (folder / "main.c").write_text(MAIN)
    path = folder / "probe"
    compiler.run(["-std=c99", "-O2", "-static", "-o", path, folder / "probe.c", folder / "main.c"], f"a small program for {board.core}")
    return path.read_bytes(), compiler.detail


def _libraries(board: Board) -> list[Finding]:
    linux = board.linux
    with open_computer(board) as computer:
        wheels = examine_wheels(computer, linux.python if linux and linux.python != "python3" else None)
    if not wheels:
        why = "no Python there can be started; the backend 'c' needs none"
        return [Finding(f"{board.name} python", False, why, "install python3 there", optional=True)]
    return [Finding(f"{board.name} {w.python} {w.version} {w.library}".replace("  ", " "), w.works, w.detail, w.fix, optional=True) for w in wheels]


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
    "ssh": lambda _: None,
    "qemu-user": lambda _: emulated.missing(),
}
RUN: dict[str, Callable[[Board, Path], tuple[str, int]]] = {
    "local": _run_here,
    "unicorn": _run_emulated,
    "qemu": _run_qemu,
    "serial": _build_only,
    "ssh": _run_computer,
    "qemu-user": _run_computer,
}
