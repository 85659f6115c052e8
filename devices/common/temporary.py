"""Temporary folders that carry their process in their name, so that what a killed one left is removed by the next."""

from __future__ import annotations

import tempfile
from pathlib import Path

from devices.common.remains import maker, sweep_temporary

PREFIX = "nearwire"


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder, this user's alone, for a ``with`` or until ``cleanup``; those of killed processes go now."""
    sweep_temporary(Path(tempfile.gettempdir()), PREFIX)
    return tempfile.TemporaryDirectory(prefix=f"{PREFIX}-{maker()}-", ignore_cleanup_errors=True)
