"""Names of files and folders that are being made, and the removal of those whose maker was killed.

A name is ``.OF.PID-HOST-RANDOM.part`` beside the output OF, or ``nearwire-PID-HOST-...`` in the system's temporary folder. HOST stands for this
computer and its process numbers (a container has its own). Removed is only what has such a name, belongs to this user, is a plain file or folder,
and was made by a process of HOST that is no more, or a day ago by anybody.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

KEPT_S = 24 * 3600.0  # of what another computer made: its processes are not known here
LONGEST = 48  # letters of OF in a name, which a file system limits to 255 bytes
PART, OLD = "part", "old"  # being made; an output on its way out
WHO = r"(?P<pid>[0-9]{1,10})-(?P<host>[0-9a-f]{8})"
NAME = re.compile(rf"\.(?P<of>.+)\.{WHO}-[0-9a-f]{{16}}\.(?P<kind>{PART}|{OLD})", re.DOTALL)


def maker() -> str:
    """``PID-HOST`` of this process."""
    numbers = ""
    with contextlib.suppress(OSError):  # where the system does not tell, the name of the computer must do
        numbers = os.readlink("/proc/self/ns/pid")
    return f"{os.getpid()}-{hashlib.sha256(f'{platform.node()} {numbers}'.encode()).hexdigest()[:8]}"


def part_of(output: Path, kind: str = PART) -> Path:
    """A name beside ``output`` that nothing has."""
    return output.with_name(f".{output.name[:LONGEST]}.{maker()}-{secrets.token_hex(8)}.{kind}")


def is_part(name: str) -> bool:
    """Whether a file of that name is being made, or was left behind by a process that was killed."""
    return NAME.fullmatch(name) is not None


def remains_of(output: Path, kind: str = PART) -> list[Path]:
    """What killed processes left of making ``output``, oldest first."""
    return sorted(_dead(output.parent, lambda name: _is_of(name, output.name, kind)), key=lambda path: path.lstat().st_mtime)


def sweep(output: Path) -> None:
    """Remove what killed processes left of making ``output``."""
    for path in remains_of(output):
        remove(path)


def sweep_temporary(folder: Path, prefix: str) -> None:
    """Remove the folders ``PREFIX-PID-HOST-...`` of killed processes in the system's temporary folder."""
    wanted = re.compile(rf"{re.escape(prefix)}-{WHO}-[0-9A-Za-z_-]+")
    for path in _dead(folder, wanted.fullmatch):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file or a whole folder, as far as that goes; links are removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _is_of(name: str, output: str, kind: str) -> re.Match[str] | None:
    match = NAME.fullmatch(name)
    return match if match and match["of"] == output[:LONGEST] and match["kind"] == kind else None


def _dead(folder: Path, wanted: Callable[[str], re.Match[str] | None]) -> Iterator[Path]:
    """Entries of ``folder`` with a wanted name that are this user's and whose maker is gone."""
    try:
        names = {entry.name: wanted(entry.name) for entry in os.scandir(folder)}
    except OSError:
        return
    for name, match in names.items():
        if match is None:
            continue
        path = folder / name
        with contextlib.suppress(OSError):  # another process was faster
            found = path.lstat()
            mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
            if mine and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) and _is_over(match, found.st_mtime):
                yield path


def _is_over(match: re.Match[str], made: float) -> bool:
    here = maker().endswith(match["host"])
    return (here and not is_alive(int(match["pid"]))) or time.time() - made > KEPT_S


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number on this computer."""
    if os.name == "nt":  # where this signal would be a real one
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's; no number of a process
        return True
    return True
