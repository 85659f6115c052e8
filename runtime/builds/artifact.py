"""Reading the one file of a build that a backend executes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from devices.errors import InputError


def read_artifact(folder: Path, name: str) -> tuple[bytes, bool]:
    """The bytes of ``folder/name`` and whether the build's manifest vouches for them (False: there is no manifest yet).

    InputError if the file is absent, empty or not the one the manifest describes.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"'{path}' cannot be read: {error.strerror}. Compile the network again with 'nearwire compile'.") from error
    if not content:
        raise InputError(f"'{path}' is empty. Compile the network again with 'nearwire compile'.")
    if not (folder / "manifest.json").is_file():
        return content, False
    expected = _recorded_sha256(folder, name)
    if expected is not None and expected != hashlib.sha256(content).hexdigest():
        raise InputError(f"'{path}' was changed after the build was made: its sha256 differs from the manifest's. Compile the network again.")
    return content, expected is not None


def _recorded_sha256(folder: Path, name: str) -> str | None:
    """What the manifest says of a file. Read as plain JSON: a board need not have pydantic, and ``open_build`` has checked the rest."""
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["files"].get(name)
        return None if found is None else str(found["sha256"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"'{path}' is not a valid manifest ({type(error).__name__}: {error}). Compile the network again.") from error


def unreadable(path: Path, why: object) -> InputError:
    """The error for a file that the runtime refuses."""
    return InputError(f"'{path}' is damaged or foreign: {str(why).strip() or type(why).__name__}. Compile the network again with 'nearwire compile'.")
