"""A board emulated by QEMU: its UART is a pseudo-terminal that pyserial opens, as the serial port of a real board.

``-icount`` makes an instruction take a fixed virtual time, so the board's own timer counts instructions exactly. ``run_batch`` runs a program that
reads and writes files of this computer through semihosting, at full speed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from devices.boards.board import Board, Qemu
from devices.errors import InputError, NearwireError
from devices.links import serial
from devices.links.base import Connection

QUIET = ("-display", "none", "-monitor", "none")


def missing(board: Board) -> str | None:
    """None if the board's QEMU is installed; otherwise what is missing and the command that installs it."""
    machine = _machine(board)
    if not shutil.which(machine.program):
        return f"{machine.program} is not installed. Run: apt install {machine.package}"
    return serial.missing()


class QemuConnection(Connection):
    """A running emulator and its UART."""

    def __init__(self, board: Board, program: Path) -> None:
        command = [*_command(board, program), "-serial", "pty"]
        self._process = _start(command, program.parent)
        try:
            self._serial = serial.SerialConnection(self._terminal(board), what=f"{_machine(board).program} ({board.name}),")
        except BaseException:
            self.close()
            raise
        self.where = self._serial.where

    @property
    def path(self) -> str:
        return self._serial.path

    def write(self, data: bytes) -> None:
        self._serial.write(data)

    def read(self, timeout_s: float) -> bytes:
        content = self._serial.read(timeout_s)
        if not content:
            self.check()
        return content

    def check(self) -> None:
        if self._process.poll() is not None:
            raise NearwireError(f"{self.where}: the emulator ended with status {self._process.returncode}.")

    def close(self) -> None:
        if hasattr(self, "_serial"):
            self._serial.close()
        self._process.kill()
        self._process.communicate()

    def _terminal(self, board: Board) -> str:
        """The device file that QEMU prints for its UART."""
        output = self._process.stdout
        line = output.readline() if output else ""
        match = re.search(r"redirected to (\S+)", line)
        if not match:
            self._process.kill()
            rest = self._process.communicate()[1]
            raise NearwireError(f"{_machine(board).program} did not start '{board.name}': {_first_line(line + rest)}.")
        return match[1]


def run_batch(board: Board, program: Path, folder: Path, limit_s: float) -> None:
    """Run a program that ends by itself, its files in ``folder``; NearwireError if it fails or takes longer than ``limit_s``."""
    command = [*_command(board, program.resolve()), "-serial", "null", "-semihosting-config", "enable=on,target=native"]
    process = _start(command, folder)
    try:
        _, text = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise NearwireError(f"'{program.name}' did not end on '{board.name}' in {_machine(board).program} within {limit_s:g} s.") from error
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        raise NearwireError(
            f"'{program.name}' ended with status {process.returncode} on '{board.name}' in {_machine(board).program}: {_first_line(text)}."
        )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "it said nothing").rstrip(".")


def _command(board: Board, program: Path) -> list[str]:
    machine = _machine(board)
    icount = ["-icount", f"shift={machine.icount_shift},sleep=off"]
    return [machine.program, *machine.arguments, *icount, *QUIET, "-kernel", str(program)]


def _start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    except OSError as error:
        raise NearwireError(f"'{command[0]}' could not be started: {error.strerror}. See 'nearwire devices doctor'.") from error


def _end_with_parent() -> None:
    """Have the kernel end the emulator, which would wait for ever, when this process is killed."""
    import ctypes
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _machine(board: Board) -> Qemu:
    if board.qemu is None:
        raise InputError(f"board '{board.name}' is not a machine of QEMU. See 'nearwire devices list'.")
    return board.qemu
