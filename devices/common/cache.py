"""Where things are kept that are slow to make and can be made again: NEARWIRE_CACHE, else the system's cache folder of the user."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

VARIABLE = "NEARWIRE_CACHE"


def cache_folder() -> Path:
    """The folder; it need not exist."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser() if given else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "nearwire"


def cached_folder(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, filled by ``make`` if it is not there: written beside it and renamed, so that it is whole or not there."""
    target = cache_folder() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        place.chmod(0o755)
        make(place)
        with contextlib.suppress(FileExistsError, OSError):  # another process was faster: its folder is as good
            place.rename(target)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return target
