"""Files that are written whole or not at all: beside their place first, under a name of their own, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

from devices.common.remains import part_of, sweep

EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def write_whole(path: Path, content: bytes) -> None:
    """Write ``path``, its folder made if need be; a killed or failed write leaves what was there, and nothing else.

    Several processes may write the same file: the last one to end wins. What a killed one left is removed by the next. A link is replaced,
    not followed. OSError naming ``path`` if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    part = part_of(path)
    try:
        with os.fdopen(os.open(part, EXCLUSIVE, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """``write_whole`` of a text in UTF-8, its ends of lines as they are."""
    write_whole(path, text.encode())
