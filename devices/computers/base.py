"""A Linux computer that runs programs for us: one interface for boards behind SSH and for emulated ones.

A computer is opened, is given files in a working folder of its own, runs programs given as lists of words, and is closed, which removes the
folder. Words never meet a shell unquoted.
"""

from __future__ import annotations

import io
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devices.common.conditions import Conditions
from devices.errors import NearwireError

LIMIT_S = 600.0
# What `uname -m` says, and zig's target for a program that needs nothing on the board.
TARGETS = {
    "x86_64": "x86_64-linux-musl",
    "aarch64": "aarch64-linux-musl",
    "armv7l": "arm-linux-musleabihf",
    "armv6l": "arm-linux-musleabihf",
}


@dataclass(frozen=True)
class Done:
    """What a program returned."""

    code: int
    out: bytes
    err: bytes

    def check(self, what: str, where: str) -> Done:
        """Itself if the program succeeded; NearwireError with its last line otherwise."""
        if self.code == 0:
            return self
        text = (self.err or self.out).decode(errors="replace").strip()
        if "No space left on device" in text:
            raise NearwireError(f"'{where}': no space left on its disk while {what}. Free some space there; nothing half-written was kept.")
        last = (text.splitlines() or ["it said nothing"])[-1].removeprefix("error: ")
        raise NearwireError(f"'{where}': {what} failed with status {self.code}: {last}")


class Computer(ABC):
    """A Linux computer with a working folder. Use as a context manager."""

    name: str  # of the board
    architecture: str  # as `uname -m` says it
    folder: str  # the working folder, absolute, on the computer
    emulated: bool = False  # its times mean nothing; instructions can be counted
    detail: str = ""  # what it is, for reports

    @abstractmethod
    def run(self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S) -> Done:
        """Run a program to its end in the working folder. NearwireError if the computer is lost or the time is over."""

    @abstractmethod
    def put(self, name: str, content: bytes, executable: bool = False) -> str:
        """Write a file into the working folder; returns its absolute path there. NearwireError, naming a full disk, if that fails."""

    @abstractmethod
    def put_tree(self, name: str, archive: bytes) -> str:
        """Unpack a tar archive into a folder ``name`` of the working folder; returns its absolute path there."""

    def kept(self, key: str) -> str | None:
        """The absolute path of the tree that an earlier visit kept there under ``key``; None if there is none."""
        return None

    def keep_tree(self, key: str, archive: bytes, replace: bool = False) -> str:
        """Like ``put_tree``, for later visits too, where the computer has a place for that; a kept tree stays unless ``replace`` is true."""
        return self.put_tree(key, archive)

    @abstractmethod
    def python(self) -> tuple[str, ...] | None:
        """The words that start its Python, 3.11 or newer; None if there is none."""

    @abstractmethod
    def conditions(self) -> Conditions:
        """What it says about itself now."""

    def instructions(self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S) -> tuple[Done, list[int]] | None:
        """Run a program and return the instructions executed up to each of its marks (calls of getppid); None where they cannot be counted."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Remove the working folder and leave."""

    def __enter__(self) -> Computer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def target_of(computer: Computer) -> str:
    """zig's target triple for the computer; NearwireError for an architecture without one."""
    if computer.architecture not in TARGETS:
        raise NearwireError(f"'{computer.name}' is a '{computer.architecture}' machine; C code can be sent to: {', '.join(TARGETS)}.")
    return TARGETS[computer.architecture]


def tar_of(files: Sequence[tuple[str, Path]]) -> bytes:
    """A tar archive of files under the given names, without dates and owners."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, path in files:
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()
