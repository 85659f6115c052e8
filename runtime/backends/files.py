"""Reading the one file of a build that a backend executes."""

from __future__ import annotations

import hashlib
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
        raise InputError(f"'{path}' cannot be read: {error.strerror}. Compile the network again with 'python -m compile'.") from error
    if not content:
        raise InputError(f"'{path}' is empty. Compile the network again with 'python -m compile'.")
    if not (folder / "manifest.json").is_file():
        return content, False
    from runtime.manifest import read_manifest  # pydantic takes a third of a second to import

    record = read_manifest(folder).files.get(name)
    if record is not None and record.sha256 != hashlib.sha256(content).hexdigest():
        raise InputError(f"'{path}' was changed after the build was made: its sha256 differs from the manifest's. Compile the network again.")
    return content, record is not None


def unreadable(path: Path, why: object) -> InputError:
    """The error for a file that the runtime refuses."""
    return InputError(
        f"'{path}' is damaged or foreign: {str(why).strip() or type(why).__name__}. Compile the network again with 'python -m compile'."
    )
