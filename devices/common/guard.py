"""Reading what somebody else wrote: any fault of it becomes one InputError that names it, and nothing is allocated that it only claims.

1. ``reading``: whatever exception a parser raises, the message says which file it was, why, and what to do.
2. ``read_regular``: regular files only, so that no pipe, socket or device is waited for; no longer than a limit.
3. ``check_unpacked``: what a packed file claims to hold is at most ``UNPACKED_RATIO`` times its own bytes, or ``UNPACKED_FREE`` where that is
   more; said before any of it is unpacked.
4. ``shown``: a value of a file as a message shows it: short, without what a terminal obeys.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from devices.common import text as text_module
from devices.errors import InputError, NearwireError

FILE_MAX = 2**32  # bytes of a file that is read whole
UNPACKED_RATIO = 64  # bytes unpacked for one packed: real images and signals reach 30
UNPACKED_FREE = 64 * 2**20  # bytes that a file of any size may unpack to
SHOWN = 80  # characters of a value in a message


@contextmanager
def reading(where: str, then: str = "", verb: str = "cannot be read") -> Iterator[None]:
    """Around everything that parses one file. ``where`` names it, as in "data file 'x.npz'"; ``then`` is a sentence that says what to do.

    Our own errors and missing packages pass through; every other exception, MemoryError and RecursionError included, becomes an InputError.
    """
    try:
        yield
    except (NearwireError, ImportError):
        raise
    except Exception as error:
        raise InputError(f"{where} {verb}: {reason(error)}.{f' {then}' if then else ''}") from error


def reason(error: Exception) -> str:
    """What an exception says, as the middle of a sentence: one printable line."""
    if isinstance(error, MemoryError):
        return "it claims more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    line = plain(" ".join(text.split()), 300).rstrip(".")
    return f"it lacks {line}" if isinstance(error, KeyError) and line else line or type(error).__name__


def plain(text: str, limit: int = SHOWN) -> str:
    """The text as it may be shown (text.py), cut to ``limit`` characters."""
    return text_module.plain(text, limit)


def shown(value: Any) -> str:
    """A value that a file gave, for a message."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"  # Python refuses to write very long ones in decimals
    if isinstance(value, dict | list | tuple) and len(value) > 8:
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)} entries"
    try:
        return plain(repr(value[: SHOWN + 1] if isinstance(value, str) else value))
    except (ValueError, RecursionError):  # a number within it, or its depth, is beyond repr
        return f"a value of type {type(value).__name__}"


def open_regular(path: Path, where: str, limit: int = FILE_MAX) -> BinaryIO:
    """The file at ``path``, open for reading; InputError if it is absent, no regular file or of more than ``limit`` bytes. What counts is the
    file that was opened, not what lay there before."""
    with reading(where):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # without waiting for a pipe's other end
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISREG(status.st_mode):
        raise InputError(f"{where} has {status.st_size:,} bytes; at most {limit:,} are read.")
    raise InputError(f"{where} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'a pipe, a socket or a device'}, not a file.")


def read_regular(path: Path, where: str, limit: int = FILE_MAX) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes; InputError otherwise."""
    with open_regular(path, where, limit) as file, reading(where):
        return file.read(limit)


def check_unpacked(unpacked: int, packed: int, where: str, then: str = "") -> None:
    """InputError if a file of ``packed`` bytes claims to hold more than it may: see rule 3."""
    limit = max(UNPACKED_FREE, UNPACKED_RATIO * packed)
    if unpacked > limit:
        raise InputError(
            f"{where} says that it holds {unpacked:,} bytes in a file of {packed:,}; allowed: {UNPACKED_RATIO} times the file, "
            f"or {UNPACKED_FREE:,} bytes.{f' {then}' if then else ''}"
        )
