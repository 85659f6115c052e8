"""Where things are kept that are slow to make and can be made again: NEARWIRE_CACHE, else the system's cache folder of the user; where that cannot be
written (a container, a service), a folder of this user in the system's temporary one, which is said once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from devices.common.places import is_usable, temporary_place, user_path
from devices.common.remains import part_of, sweep
from devices.common.text import warn
from devices.errors import NearwireError

VARIABLE = "NEARWIRE_CACHE"


def cache_folder() -> Path:
    """The folder, made if need be; NearwireError if there is none that can be written."""
    given = os.environ.get(VARIABLE)
    return _first_usable(user_path(given) if given else user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "nearwire")


@lru_cache
def _first_usable(preferred: Path) -> Path:
    if is_usable(preferred):
        return preferred
    other = temporary_place("nearwire-cache")
    if other is None:
        raise NearwireError(
            f"the cache folder '{preferred}' cannot be written, nor one in the temporary folder. Set {VARIABLE} to a folder that can."
        )
    warn(f"note: the cache folder '{preferred}' cannot be written, so '{other}' is used. Set {VARIABLE} to choose another.")
    return other


def cached_folder(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, filled by ``make`` if it is not there: written beside it and renamed, so that it is whole or not there."""
    target = cache_folder() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target)
    draft = part_of(target)
    draft.mkdir()
    try:
        make(draft)
        with contextlib.suppress(FileExistsError, OSError):  # another process was faster: its folder is as good
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target
