"""Reading the one file of a build that a backend executes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from devices.common.documents import read_json
from devices.common.guard import plain, read_regular, reading
from devices.errors import InputError


def read_artifact(folder: Path, name: str) -> tuple[bytes, bool]:
    """The bytes of ``folder/name`` and whether the build's manifest vouches for them (False: there is no manifest yet).

    InputError if the file is absent, empty or not the one the manifest describes.
    """
    path = folder / name
    with reading(f"'{path}'", "Compile the network again with 'nearwire compile'."):
        content = read_regular(path, f"'{path}'")
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
    where, again = f"'{path}'", "Compile the network again."
    with reading(where, again, "is not a valid manifest"):
        record = read_json(path, where, again, "is not a valid manifest")["files"].get(name)
        return None if record is None else str(record["sha256"])


def unreadable(path: Path, why: object) -> InputError:
    """The error for a file that the runtime refuses."""
    return InputError(
        f"'{path}' is damaged or foreign: {plain(str(why).strip() or type(why).__name__, 1000)}. Compile the network again with 'nearwire compile'."
    )
