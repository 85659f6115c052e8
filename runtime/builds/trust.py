"""Whose builds may run here. A build is code: its C is compiled and called with all rights of whoever runs it.

A build's digest in, yes or no out. The digests of what this user compiled here are kept in the user's state folder, a file each
(``devices/common/state.py``); that folder counts only if it is the user's and nobody else can write to it. All other builds run their C with
``--trust`` alone (runtime/backends/trust.py).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from devices.common.state import VARIABLE, state_folder

FOLDER = "builds"


def remember(digest: str, build: Path) -> str | None:
    """Keep the digest of a build that this user makes now; returns why that is not possible, None if it is done."""
    state = state_folder()
    if state is None:
        return f"there is no home folder to remember in that this build is yours, so its C will run with --trust only. Set {VARIABLE} to a folder."
    folder = state / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_private(folder):
            with os.fdopen(os.open(folder / digest, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.fsencode(build.absolute()) + b"\n")
            return None
        why = "others can write to it"
    except OSError as error:
        why = str(error.strerror or error).lower()
    return f"'{folder}' cannot keep that this build is yours ({why}), so its C will run with --trust only. Set {VARIABLE} to a folder of yours."


def is_own(digest: str) -> bool:
    """Whether this user made the build of that digest here."""
    state = state_folder()
    if state is None:
        return False
    try:
        return _is_private(state / FOLDER) and stat.S_ISREG((state / FOLDER / digest).lstat().st_mode)
    except OSError:
        return False


def _is_private(folder: Path) -> bool:
    """Whether a folder is this user's and only this user can write to it. Where the system has no owners, it is."""
    found = folder.lstat()
    if not hasattr(os, "getuid"):
        return stat.S_ISDIR(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
