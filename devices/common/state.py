"""Where is kept what must not be lost: NEARWIRE_STATE, else the system's folder of the user for that. The cache, which may be, is elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "NEARWIRE_STATE"


def state_folder() -> Path | None:
    """The folder, which need not exist; None for a user without a home."""
    if given := os.environ.get(VARIABLE) or "":
        return Path(given).absolute()
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().absolute() / "nearwire"
    except RuntimeError:
        return None
