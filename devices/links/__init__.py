"""Links: how a computer reaches a program on a board. One interface (base.py), chosen by the board's field ``link``."""

from __future__ import annotations

import importlib
from pathlib import Path

from devices.boards.board import Board
from devices.errors import InputError, unknown_name
from devices.links import serial
from devices.links.base import Connection

# Link: module and class that is given the board and the program (an emulator), or the port's path (serial).
LINKS = {
    "unicorn": ("devices.links.unicorn_board", "UnicornConnection"),
    "qemu": ("devices.links.qemu", "QemuConnection"),
    "serial": ("devices.links.serial", "SerialConnection"),
}

__all__ = ["LINKS", "Connection", "open_link"]


def open_link(board: Board, program: Path, port: str | None = None) -> Connection:
    """Start the program on an emulated board, or open the serial ``port`` of a real one, on which it must have been flashed."""
    if board.link not in LINKS:
        raise unknown_name(f"link of board '{board.name}' to a running program", board.link, LINKS)
    module, name = LINKS[board.link]
    opened = getattr(importlib.import_module(module), name)
    if board.link == "serial":
        if port is None:
            ports = "" if serial.missing() else f" Serial ports of this computer: {', '.join(serial.ports()) or 'none'}."
            raise InputError(f"board '{board.name}' is reached through a serial port. Give it with --port.{ports}")
        return opened(port)  # type: ignore[no-any-return]
    if port is not None:
        raise InputError(f"board '{board.name}' is emulated and has no serial port of this computer. Leave --port out.")
    return opened(board, program)  # type: ignore[no-any-return]
