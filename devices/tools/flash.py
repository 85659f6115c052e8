"""Flash: a program gets into a board, by the tool its file names. One function for all; a dry run says what would be done.

In: an ELF file and a board. The image the tool takes is written beside the ELF. pyocd and esptool are run as the modules of this Python that they
are; a UF2 file is copied to the drive that the board shows.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.boards.board import Board, Flashing
from devices.common.files import write_whole
from devices.errors import InputError, NearwireError
from devices.links import serial
from devices.tools.images import flash_content, uf2, with_boot_checksum

LIMIT_S = 300
MODULES = {"pyocd": "pyocd", "esptool": "esptool"}  # tool: the module it is; uf2 needs none
MOUNTS = ("/media", "/run/media", "/Volumes", "/mnt")


@dataclass(frozen=True)
class Plan:
    """What flashing does: a command, or a file that is copied to a drive."""

    command: tuple[str, ...]
    image: Path
    drive: Path | None = None  # for UF2, where it is connected

    def __str__(self) -> str:
        return shlex.join(self.command)


def missing(board: Board) -> str | None:
    """None if the board's tools are installed; otherwise what is missing and the command that installs it."""
    how = _flashing(board)
    module = MODULES.get(how.tool)
    if module and importlib.util.find_spec(module) is None:
        return f"flashing '{board.name}' needs {how.tool}. Run: pip install {how.tool}"
    return serial.missing()


def plan(program: Path, board: Board, port: str | None = None) -> Plan:
    """The image for the board, written beside the program, and the command that flashes it. Nothing is run and no board is needed."""
    how = _flashing(board)
    return MAKERS[how.tool](program, how, port)


def flash(program: Path, board: Board, port: str | None = None) -> Plan:
    """Flash a program; NearwireError with what the tool said, or with what is missing. Returns what was done."""
    how = _flashing(board)
    if lack := missing(board):
        raise NearwireError(lack)
    done = plan(program, board, port)
    if how.tool == "uf2":
        if done.drive is None:
            raise NearwireError(f"the drive '{how.target}' of '{board.name}' is not there: {how.how_to}. The file to copy to it is '{done.image}'.")
        shutil.copyfile(done.image, done.drive / done.image.name)
        return done
    try:
        ended = subprocess.run(done.command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise NearwireError(f"{how.tool} did not end within {LIMIT_S} s: {done}. {_hint(how)}") from error
    if ended.returncode:
        output = [line.strip() for line in (ended.stderr + ended.stdout).splitlines() if line.strip()]
        raise NearwireError(f"{how.tool} failed: {output[-1] if output else 'it said nothing'} ({done}). {_hint(how)}")
    return done


def _hint(how: Flashing) -> str:
    return f"To flash, {how.how_to}."


def _pyocd(program: Path, how: Flashing, port: str | None) -> Plan:
    return Plan((sys.executable, "-m", "pyocd", "flash", "--no-wait", "--target", how.target, str(program)), program)


def _esptool(program: Path, how: Flashing, port: str | None) -> Plan:
    _, content = flash_content(program)
    image = program.with_suffix(".bin")
    write_whole(image, content)
    where = ["--port", port] if port else []
    return Plan((sys.executable, "-m", "esptool", "--chip", how.target, *where, "write-flash", "0x0", str(image)), image)


def _uf2(program: Path, how: Flashing, port: str | None) -> Plan:
    address, content = flash_content(program)
    image = program.with_suffix(".uf2")
    write_whole(image, uf2(address, with_boot_checksum(content)))
    drive = _drive(how.target, MOUNTS)
    user = os.environ.get("USER", "USER")
    return Plan(("cp", str(image), f"{drive or Path(MOUNTS[0], user, how.target)}/"), image, drive)


def _drive(label: str, mounts: Sequence[str]) -> Path | None:
    """Where the drive of that label is mounted: it holds INFO_UF2.TXT."""
    for mount in map(Path, mounts):
        for folder in (mount / label, *mount.glob(f"*/{label}")):
            if (folder / "INFO_UF2.TXT").is_file():
                return folder
    return None


def _flashing(board: Board) -> Flashing:
    if board.flashing is None:
        raise InputError(
            f"board '{board.name}' is not flashed: it is {'emulated' if board.link != 'local' else 'this computer'}. See 'nearwire devices list'."
        )
    return board.flashing


MAKERS: dict[str, Callable[[Path, Flashing, str | None], Plan]] = {"pyocd": _pyocd, "esptool": _esptool, "uf2": _uf2}
