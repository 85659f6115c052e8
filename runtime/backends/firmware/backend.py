"""The backend 'firmware' by name, and what a build costs on a board: who runs it is chosen by the board's link (core.py, boards.py)."""

from __future__ import annotations

from pathlib import Path

from devices.boards.board import Board, load_board
from devices.errors import InputError, NearwireError
from devices.links import qemu, serial, unicorn
from devices.tools import toolchain
from runtime.backends.base import Backend, Session
from runtime.backends.firmware.boards import BoardSession, QemuSession
from runtime.backends.firmware.core import FirmwareSession
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.builds.manifest import read_manifest
from runtime.network.network import Array, Network

DEFAULT_BOARD = "emulated-cortex-m4"


def session_on(board: Board, folder: Path, network: Network) -> FirmwareSession | None:
    """The build in the core that counts for this board, emulated in process; None where there is none, or what it needs is not installed."""
    return FirmwareSession(folder, network, board) if board.emulated and not unusable(board) else None


def measure(folder: Path, network: Network, board: Board, samples: Array, program: FirmwareSession | None = None) -> FirmwareFigures | None:
    """Size and cost of a build on a board; None where the board is no emulated core or something it needs is not installed.

    CheckError with required and available if the build does not fit the board's memory. ``program``: what ``session_on`` gave for the same build.
    """
    if not countable(board) or unusable(board):
        return None
    session: FirmwareSession | QemuSession
    if program is not None:
        session = program.anew()
    else:
        session = FirmwareSession(folder, network, board) if board.emulated else QemuSession(folder, network, board)
    try:
        return session.figures(samples)
    finally:
        session.close()


def countable(board: Board) -> bool:
    """Whether a core with the board's instruction set and memory is emulated, so that builds can be counted, sized and proven without it."""
    return board.emulated or board.link == "qemu"


def unmeasured(board: Board) -> str:
    """Why ``measure`` gives nothing on this board, and what to do."""
    if not countable(board):
        return f"'{board.name}' is not an emulated core, and only those are counted and sized. Give one of 'nearwire devices list' with --board"
    return f"{unusable(board) or 'what it needs was missing when the build was made'} ('nearwire devices doctor' shows all boards)"


def unusable(board: Board) -> str | None:
    """None if an emulated board can work here; otherwise what is missing and the command that installs it."""
    lack = unicorn.missing() if board.emulated else qemu.missing(board)
    return lack or toolchain.missing(board.toolchain)


class FirmwareBackend(Backend):
    """Builds run on the board they were made for where its core is emulated, else on a Cortex-M4; BOARD@PORT is a real board on that port."""

    name = "firmware"

    def __init__(self, board: str | None = None, port: str | None = None) -> None:
        self.board, self.port = board, port

    def on(self, board: str | None) -> Backend:
        if board is None:
            return self
        name, _, port = board.partition("@")
        return FirmwareBackend(name, port or None)

    def missing(self) -> str | None:
        board = load_board(self.board or DEFAULT_BOARD)
        if self.port is not None:
            return serial.missing() or toolchain.missing(board.toolchain)
        return (qemu.missing(board) if board.link == "qemu" else None) or unusable(board)

    def open(self, folder: Path, network: Network) -> Session:
        board = load_board(self.board or _board_of(folder))
        if self.port is not None and board.link != "serial":
            raise InputError(f"board '{board.name}' is not reached through a serial port. Give it without '@{self.port}'.")
        if self.port is None and not countable(board):
            hint = f" To run on the board itself, give --device {board.name}@PORT." if board.link == "serial" else ""
            raise InputError(f"board '{board.name}' is not an emulated core.{hint} See 'nearwire devices list'.")
        if reason := FirmwareBackend(board.name, self.port).missing():
            raise NearwireError(f"backend '{self.name}' cannot work here: {reason}")
        if self.port is not None:
            return BoardSession(folder, network, board, self.port)
        return QemuSession(folder, network, board) if board.link == "qemu" else FirmwareSession(folder, network, board)


def _board_of(folder: Path) -> str:
    if not (folder / "manifest.json").is_file():
        return DEFAULT_BOARD
    name = read_manifest(folder).board
    return name if countable(load_board(name)) else DEFAULT_BOARD


BACKEND = FirmwareBackend()
