"""Boards: one TOML file each in a group's folder of ``devices/boards``, read into a frozen record whose errors name the field.

To add a board: one file ``devices/boards/GROUP/NAME.toml`` with the fields of ``Board`` and, unless its family is there, the port it names in
``devices/ports`` (port.h says what that must provide). ``nearwire devices show NAME`` prints it, ``doctor`` tries it. The [cost] tables are coefficients of the linear instruction model of devices/cost/model.py, in executed instructions.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.common.documents import read_toml
from devices.common.guard import plain
from devices.common.places import user_path
from devices.errors import InputError, unknown_name

FOLDER = Path(__file__).parent
ADDRESSES = 2**32  # of a microcontroller
# The tables of the file that each link needs.
TABLES = {
    "local": (),
    "unicorn": ("memory", "emulator", "port"),
    "qemu": ("memory", "port", "qemu"),
    "serial": ("memory", "port", "flashing"),
    "ssh": ("linux",),
    "qemu-user": ("linux",),
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Memory(_Record):
    """Where a microcontroller's program and data lie."""

    flash_origin: int = Field(ge=0, lt=ADDRESSES)
    flash_bytes: int = Field(gt=0, lt=ADDRESSES)
    ram_origin: int = Field(ge=0, lt=ADDRESSES)
    ram_bytes: int = Field(gt=0, lt=ADDRESSES)


class Gcc(_Record):
    """A GCC for the core, taken instead of zig where it is on the PATH."""

    prefix: str  # of its programs, as "arm-none-eabi-"
    package: str  # Debian's package with it
    flags: tuple[str, ...]


class Toolchain(_Record):
    """How C becomes a program of the core."""

    compiler: Literal["host", "zig", "cross"]  # the host's cc (else zig); zig from the wheel ziglang; or [toolchain.gcc] (else zig)
    target: str | None = None  # zig's target triple; None: the host's own
    cpu: str | None = None  # zig's -mcpu
    flags: tuple[str, ...] = ("-O3",)
    gcc: Gcc | None = None


class Emulator(_Record):
    """A core of the same instruction set, emulated in process: its counts are this board's, its time is not."""

    model: str  # a name of devices.links.cores.MODELS


class Port(_Record):
    """The start-up, UART and timer of the board, in ``devices/ports``."""

    sources: tuple[str, ...]  # files there
    defines: dict[str, int | str] = Field(default_factory=dict)  # preprocessor constants of those files
    stack_bytes: int = Field(default=512, gt=0, multiple_of=8)  # set aside for the stack
    constants_origin: int | None = None  # where the core reads constants; None: where the program lies


class Qemu(_Record):
    """The machine of qemu-system-* that is this board."""

    program: str
    package: str  # Debian's package with it
    arguments: tuple[str, ...]
    icount_shift: int  # an instruction takes 2**icount_shift ns of virtual time
    ticks_per_instruction: float  # of port_ticks under that


class Flashing(_Record):
    """How a program gets into the board's flash: the tool of devices/tools/flash.py and what it must be told."""

    tool: Literal["pyocd", "uf2", "esptool"]
    target: str  # pyocd's target, the UF2 drive's label, esptool's chip
    how_to: str  # what a person does first, for messages


class Linux(_Record):
    """A board that runs Linux: where it is reached, or which core is emulated. See devices/computers."""

    host: str | None = None  # user@host or host, or a name of ~/.ssh/config; None: a kind of board, to be added with an address
    ssh_port: int | None = Field(default=None, ge=1, le=65535)
    identity_file: str | None = None  # private key; None: ssh's own configuration and agent
    known_hosts: str | None = None  # file of known host keys; None: ~/.ssh/known_hosts
    python: str = "python3"  # its Python, or a path
    qemu_core: str | None = None  # a name of devices.computers.arm64.CORES


class Board(_Record):
    """A place where a build can run."""

    name: str
    description: str
    core: str  # as people call it: Cortex-M4
    link: Literal["local", "unicorn", "qemu", "serial", "ssh", "qemu-user"]  # how a build gets there: devices/links
    status: Literal["", "never run on silicon"] = ""  # what people must know before they rely on it
    clock_hz: int | None = Field(default=None, gt=0)  # of the core, as the port leaves it; for estimated times
    toolchain: Toolchain
    memory: Memory | None = None  # None: an operating system's
    emulator: Emulator | None = None
    port: Port | None = None
    qemu: Qemu | None = None
    flashing: Flashing | None = None
    linux: Linux | None = None  # of the links ssh and qemu-user
    cost: dict[str, dict[str, float]] = Field(default_factory=dict)  # format: {feature: instructions}
    cost_of: str | None = None  # the board whose cost tables stand in for this one's
    cost_note: str = ""  # where the coefficients come from

    @property
    def emulated(self) -> bool:
        """Whether a core with its instruction set and memory is emulated in process, so that instructions can be counted without the board."""
        return self.emulator is not None


def own_folder() -> Path:
    """Where a user's own boards are: NEARWIRE_BOARDS, else the user's configuration folder."""
    given = os.environ.get("NEARWIRE_BOARDS")
    return user_path(given) if given else user_path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "nearwire" / "boards"


def board_names(folder: Path | None = None) -> list[str]:
    """The names of all boards: ours and the user's, whose names may have folders as in lab/pi4."""
    return sorted(_files(folder))


def shipped_names() -> list[str]:
    """The names of the boards that come with the package."""
    return sorted(_shipped())


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in sorted(FOLDER.glob("*/*.toml"))}


def boards() -> tuple[Board, ...]:
    """Every board, ours and the user's, by name; InputError for a board file that is broken.

    >>> [board.name for board in boards() if board.link == "unicorn"][:2]
    ['emulated-cortex-m0plus', 'emulated-cortex-m3']
    """
    return tuple(load_board(name) for name in board_names())


def _files(folder: Path | None) -> dict[str, Path]:
    """Board files by name; a user's board hides one of ours of the same name."""
    ours = _shipped() if folder is None else {}
    base = own_folder() if folder is None else folder
    return ours | {path.relative_to(base).with_suffix("").as_posix(): path for path in sorted(base.rglob("*.toml"))}


def load_boards() -> tuple[list[Board], dict[str, str]]:
    """All boards, and by name why the file of a board is broken: one broken file hides no other board."""
    boards, broken = [], {}
    for name in board_names():
        try:
            boards.append(load_board(name))
        except InputError as error:
            broken[name] = str(error)
    return boards, broken


@cache
def load_board(name: str, folder: Path | None = None) -> Board:
    """The board of that name; InputError with the nearest name if there is none, naming file and field if its file is broken."""
    files = _files(folder)
    if name not in files:
        raise unknown_name("board", name, files)
    path = files[name]
    table = read_toml(path, f"board file '{path}'", "Correct that line.", "is not valid TOML")
    try:
        board = Board.model_validate({"name": name, **table})
    except ValidationError as error:
        first = error.errors()[0]
        field = plain(".".join(map(str, first["loc"]))) or "(file)"
        raise InputError(f"board file '{path}': field '{field}': {first['msg']}. See devices/boards/board.py for the fields.") from error
    if board.name != name:
        raise InputError(f"board file '{path}': field 'name' is '{board.name}'; it must be '{name}', as the file is called, or left out.")
    lacking = [table for table in TABLES[board.link] if getattr(board, table) is None]
    if lacking:
        needed = " and ".join(f"[{table}]" for table in TABLES[board.link])
        raise InputError(f"board file '{path}': link '{board.link}' needs the tables {needed}; [{lacking[0]}] is not there.")
    return board
