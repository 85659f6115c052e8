"""Add a board of one's own: a name and an address in, one TOML file in the user's folder of boards out."""

from __future__ import annotations

import json
import re
from pathlib import Path

from devices.boards.board import Board, load_board, own_folder, shipped_names
from devices.common.files import write_text
from devices.common.places import user_path
from devices.computers import address_board
from devices.errors import InputError

NAME = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)*")


def add_board(
    name: str,
    address: str,
    like: str | None = None,
    identity_file: str | None = None,
    known_hosts: str | None = None,
    python: str = "python3",
    force: bool = False,
) -> Path:
    """Write the board's file and return its path; InputError for a bad name or address, one that is taken, or a kind that runs no Linux."""
    if not NAME.fullmatch(name):
        raise InputError(f"'{name}' is no name of a board. Allowed: small letters, digits and '-', in groups as lab/pi4.")
    if name in shipped_names():
        raise InputError(f"'{name}' is the name of a board that comes with nearwire. Choose another.")
    path = own_folder() / f"{name}.toml"
    if path.exists() and not force:
        raise InputError(f"there is a board '{name}' already: '{path}'. Choose another name, or replace it with --force.")
    linux = address_board(address).linux
    kind = load_board(like) if like else None
    if kind and kind.linux is None:
        raise InputError(f"'{like}' is no kind of Linux board. Allowed: those with link ssh in 'nearwire devices list'.")
    settings = {
        "host": linux.host if linux else None,
        "ssh_port": linux.ssh_port if linux else None,
        "identity_file": _absolute(identity_file),
        "known_hosts": _absolute(known_hosts),
        "python": python,
    }
    content = _toml(kind, address, {key: value for key, value in settings.items() if value is not None})
    write_text(path, content)
    return path


def _absolute(path: str | None) -> str | None:
    """Relative paths would mean another file wherever the board is used."""
    return None if path is None else str(user_path(path).absolute())


def _toml(kind: Board | None, address: str, linux: dict[str, str | int]) -> str:
    description = f"{kind.name} at {address}" if kind else f"Linux board at {address}"
    cpu = [f"cpu = {json.dumps(kind.toolchain.cpu)}"] if kind and kind.toolchain.cpu else []
    costs = (kind.cost_of or kind.name) if kind else "emulated-pi3"
    lines = [
        f"description = {json.dumps(description)}",
        f"core = {json.dumps(kind.core if kind else 'Linux')}",
        'link = "ssh"',
        f"cost_of = {json.dumps(costs)}",
        f"cost_note = {json.dumps(f'taken from {costs}')}",
        "",
        "[toolchain]",
        'compiler = "zig"',
        *cpu,
        "",
        "[linux]",
        *(f"{key} = {json.dumps(value)}" for key, value in linux.items()),
    ]
    return "\n".join(lines) + "\n"
