"""A state folder of a bench's own, so that its builds are not remembered as the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from devices.common.state import VARIABLE


@contextmanager
def own_state(folder: Path) -> Iterator[None]:
    """The variable that names it, for the block."""
    with mock.patch.dict(os.environ, {VARIABLE: str(folder)}):
        yield
