"""Linux computers other than this one, by the link of their board. To add a link: a file here with a ``Computer`` and a line in ``_MODULES``.

``computer_board`` turns what a user wrote into a board: a name of 'nearwire devices list', or USER@HOST.
"""

from __future__ import annotations

import fnmatch
import importlib
import re

from devices.boards.board import Board, Linux, Toolchain, board_names, load_board
from devices.computers.base import Computer
from devices.errors import InputError

_MODULES = {"ssh": ("devices.computers.ssh", "SshComputer"), "qemu-user": ("devices.computers.emulated", "EmulatedComputer")}
ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9_.:-]*")

__all__ = ["Computer", "board_of", "boards_of", "is_computer", "open_computer"]


def is_computer(board: Board) -> bool:
    """Whether the board is a Linux computer other than this one."""
    return board.link in _MODULES


def open_computer(board: Board) -> Computer:
    """Connect to the board; NearwireError saying why that fails."""
    module, name = _MODULES[board.link]
    computer: Computer = getattr(importlib.import_module(module), name)(board)
    return computer


def boards_of(text: str) -> list[Board]:
    """The boards of a list by comma: names, patterns such as lab/*, USER@HOST. InputError for what is none of these."""
    boards: dict[str, Board] = {}
    for word in (part.strip() for part in text.split(",")):
        if not word:
            continue
        if "@" in word:
            boards[word] = board_of(word)
        elif any(sign in word for sign in "*?["):
            names = fnmatch.filter(board_names(), word)
            if not names:
                raise InputError(f"no board's name is like '{word}'. See 'nearwire devices list'.")
            boards |= {name: load_board(name) for name in names}
        else:
            boards[word] = load_board(word)
    if not boards:
        raise InputError("no device was named. Give names of 'nearwire devices list' or USER@HOST, by comma.")
    return list(boards.values())


def board_of(word: str) -> Board:
    """The board that one word means: a name; BOARD@PORT, which keeps that name; else USER@HOST."""
    kind, at, _ = word.partition("@")
    if not at:
        return load_board(word)
    if kind in board_names() and not is_computer(load_board(kind)):
        return load_board(kind).model_copy(update={"name": word})
    return address_board(word)


def address_board(address: str) -> Board:
    """A board for USER@HOST or USER@HOST:PORT, with nothing else known; InputError if it is not one."""
    if not ADDRESS.fullmatch(address):
        raise InputError(f"'{address}' is not an address. Allowed: USER@HOST or USER@HOST:PORT, of letters, digits, '.', '-', '_'.")
    host, _, port = address.partition(":")
    if port and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise InputError(f"'{address}' has port '{port}'. Allowed: 1 to 65535.")
    linux = Linux(host=host, ssh_port=int(port) if port else None)
    return Board(name=address, description="", core="Linux", link="ssh", toolchain=Toolchain(compiler="zig"), linux=linux)
