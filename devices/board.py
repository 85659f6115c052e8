"""Boards: one TOML file each in ``devices/boards``, read into a frozen record whose errors name the field.

To add a board: one file ``devices/boards/NAME.toml`` with the fields of ``Board``. ``python -m devices show NAME`` prints it, ``doctor``
tries it. The [cost] tables are coefficients of the linear instruction model of devices/cost.py, in executed instructions.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.errors import InputError, unknown_name

FOLDER = Path(__file__).with_name("boards")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Memory(_Record):
    """Where a microcontroller's program and data lie."""

    flash_origin: int = Field(ge=0)
    flash_bytes: int = Field(gt=0)
    ram_origin: int = Field(ge=0)
    ram_bytes: int = Field(gt=0)


class Toolchain(_Record):
    """How C becomes a program of the core."""

    compiler: Literal["host", "zig"]  # the host's cc (else zig), or zig from the wheel ziglang as a cross compiler
    target: str | None = None  # zig's target triple; None: the host's own
    cpu: str | None = None  # zig's -mcpu
    flags: tuple[str, ...] = ("-O3",)


class Emulator(_Record):
    """Which core the emulator is."""

    model: str  # a name of devices.links.unicorn.MODELS


class Board(_Record):
    """A place where a build can run."""

    name: str
    description: str
    core: str  # as people call it: Cortex-M4
    link: Literal["local", "unicorn"]  # how a build gets there: devices/links
    toolchain: Toolchain
    memory: Memory | None = None  # None: an operating system's
    emulator: Emulator | None = None
    cost: dict[str, dict[str, float]] = Field(default_factory=dict)  # format: {feature: instructions}
    cost_of: str | None = None  # the board whose cost tables stand in for this one's
    cost_note: str = ""  # where the coefficients come from

    @property
    def emulated(self) -> bool:
        return self.emulator is not None


def board_names(folder: Path = FOLDER) -> list[str]:
    """The names of all boards."""
    return sorted(path.stem for path in folder.glob("*.toml"))


@cache
def load_board(name: str, folder: Path = FOLDER) -> Board:
    """The board of that name; InputError with the nearest name if there is none, naming file and field if its file is broken."""
    if name not in board_names(folder):
        raise unknown_name("board", name, board_names(folder))
    path = folder / f"{name}.toml"
    try:
        board = Board.model_validate({"name": name, **tomllib.loads(path.read_text(encoding="utf-8"))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"board file '{path}' is not valid TOML: {error}. Correct that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "(file)"
        raise InputError(f"board file '{path}': field '{field}': {first['msg']}. See devices/board.py for the fields.") from error
    if board.name != name:
        raise InputError(f"board file '{path}': field 'name' is '{board.name}'; it must be '{name}', as the file is called, or left out.")
    if board.link == "unicorn" and (board.memory is None or board.emulator is None):
        raise InputError(f"board file '{path}': link 'unicorn' needs the tables [memory] and [emulator].")
    return board
