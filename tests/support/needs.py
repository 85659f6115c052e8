"""What a test needs of this machine. Where it is missing the test is skipped and says why; with CI set it fails and says what to install."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import cache

import pytest

from devices.errors import NearwireError
from runtime.backends import backend
from runtime.data.dataset import load_dataset


def needs(*reasons: str | None) -> None:
    """Go on only if no reason is given; a reason tells what is missing and the command that installs it, as ``missing`` of our modules does."""
    reason = next(filter(None, reasons), None)
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"this test may not be skipped in CI: {reason}", pytrace=False)
    pytest.skip(reason)


def needs_program(name: str, package: str) -> str:
    """The path of a program on the PATH; ``package`` is Debian's that brings it."""
    path = shutil.which(name)
    needs(None if path else f"{name} is not installed. Run: apt install {package}")
    return str(path)


def needs_data(name: str) -> None:
    """A data set, also one that is downloaded now."""
    needs(_absent(name, os.environ.get("NEARWIRE_DATA")))


@cache
def _absent(name: str, folder: str | None) -> str | None:
    """Why a data set cannot be had, asked once for each folder of data."""
    try:
        load_dataset(name)
    except NearwireError as error:
        return f"the data set '{name}' is not here: {' '.join(str(error).split())}"
    return None


def needs_records(records: Mapping[str, object | None]) -> None:
    """A record of every backend of a build: one that has none was missing when the build was made."""
    needs(*(backend(name).missing() or f"backend '{name}' was not run" for name, record in records.items() if record is None))
