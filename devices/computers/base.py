"""A Linux computer that runs programs for us: one interface for boards behind SSH and for emulated ones.

A computer is opened, is given files in a working folder of its own, runs programs given as lists of words, and is closed, which removes the
folder. Words never meet a shell unquoted. Nothing it says is trusted: an answer has a limit of time and of bytes, and what is shown of it is plain.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devices.common.conditions import Conditions
from devices.common.text import plain
from devices.errors import NearwireError

LIMIT_S = 600.0
SHORT_S = 60.0  # for what takes no time: so long a silence means that nobody is there
ANSWER_BYTES = 1 << 22  # of one answer, unless its caller expects more
SAID = 300  # characters of what it says in a message
# What `uname -m` says, and zig's target for a program that needs nothing on the board.
TARGETS = {
    "x86_64": "x86_64-linux-musl",
    "aarch64": "aarch64-linux-musl",
    "armv7l": "arm-linux-musleabihf",
    "armv6l": "arm-linux-musleabihf",
}
OLDEST_PYTHON = (3, 11)


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
        last = plain((text.splitlines() or ["it said nothing"])[-1].removeprefix("error: "), SAID)
        raise NearwireError(f"'{where}': {what} failed with status {self.code}: {last}")


class Computer(ABC):
    """A Linux computer with a working folder. Use as a context manager."""

    name: str  # of the board
    architecture: str  # as `uname -m` says it
    folder: str  # the working folder, absolute, on the computer
    emulated: bool = False  # its times mean nothing; instructions can be counted
    detail: str = ""  # what it is, for reports

    @abstractmethod
    def run(self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES) -> Done:
        """Run a program to its end in the working folder. NearwireError if the computer is lost, the time is over, or it says more than ``most_bytes``."""

    @abstractmethod
    def put(self, name: str, content: bytes, executable: bool = False) -> str:
        """Write a file into the working folder; returns its absolute path there. NearwireError, naming a full disk, if that fails."""

    @abstractmethod
    def put_tree(self, name: str, archive: bytes) -> str:
        """Unpack a tar archive into a folder ``name`` of the working folder; returns its absolute path there."""

    def kept(self, key: str, digest: str = "") -> str | None:
        """The absolute path of the tree that an earlier visit kept there under ``key``; None if there is none, or if its files are not those that were
        sent, which removes it. ``digest``: theirs (``digest_of``), where it is known here.
        """
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

    def instructions(
        self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES
    ) -> tuple[Done, list[int]] | None:
        """Run a program and return the instructions executed up to each of its marks (calls of getppid); None where they cannot be counted."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Remove the working folder and leave."""

    def __enter__(self) -> Computer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def too_much(where: str, most_bytes: int) -> NearwireError:
    """The error for a computer that says more than it may."""
    return NearwireError(f"'{where}' sent more than the {most_bytes:,} bytes that its answer may have; it was cut off.")


def python_version(computer: Computer, words: Sequence[str]) -> tuple[int, int] | None:
    """(major, minor) of the Python there that these words start; None if there is none."""
    done = computer.run([*words, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], limit_s=SHORT_S, most_bytes=1 << 16)
    match = re.fullmatch(rb"([0-9]{1,3})\.([0-9]{1,3})\s*", done.out)
    return (int(match[1]), int(match[2])) if match and done.code == 0 else None


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


def digest_of(archive: bytes) -> str:
    """The digest of a tree by its tar archive: of the lines ``SHA256  ./NAME`` of its files, in the order of bytes of their names."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as entries:
        names = {f"./{entry.name}".encode(): entries.extractfile(entry) for entry in entries if entry.isfile()}
        lines = [hashlib.sha256(file.read()).hexdigest().encode() + b"  " + name + b"\n" for name, file in sorted(names.items()) if file]
    return hashlib.sha256(b"".join(lines)).hexdigest()
