"""Folders of the user, which a container or a service may lack: no home, a home that is read-only, one that is not there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def user_path(text: str | os.PathLike[str]) -> Path:
    """The path, '~' being the user's home; as it stands where there is no such user or home."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_usable(folder: Path) -> bool:
    """Whether files can be put there; the folder is made if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def temporary_place(name: str) -> Path | None:
    """The folder of that name and this user in the system's temporary one, there for nobody else; None if it cannot be had or is somebody else's."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"{name}-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022
    return folder if ours and is_usable(folder) else None
