"""One writer a folder: a lock file that the system frees when its process ends, however it ends.

The file holds the number of the process, so that the next one can say who is at work. Where a file system has no locks, there are none.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.errors import InputError

try:
    import fcntl
except ImportError:  # no such locks on this system
    fcntl = None  # type: ignore[assignment]

FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
TAKEN = (errno.EAGAIN, errno.EACCES)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the block and remove it then; InputError naming the process that holds it. ``what``: that it writes."""
    if fcntl is None:
        yield
        return
    file = _taken(path, what)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _taken(path: Path, what: str) -> int:
    """The open and locked file; again from the start if its last holder removed it meanwhile."""
    while True:
        file = os.open(path, FLAGS, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(file, 20).decode("ascii", "replace").strip()
            if error.errno in TAKEN:
                os.close(file)
                who = f"process {holder}" if holder.isdigit() else "another process"
                raise InputError(f"{who} is writing {what}. Wait until it has ended, stop it, or choose another --out.") from error
        if _is_there(file, path):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
            return file
        os.close(file)


def _is_there(file: int, path: Path) -> bool:
    """Whether the path still leads to the open file."""
    try:
        here, there = os.fstat(file), os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
