"""Records of measurements (bench/records/NAME.json), and the README's tables, which are made from them and from nothing else.

``write`` keeps values as JSON, the same values as the same bytes; ``digest`` is what a figure carries to say which values it shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devices.common.files import write_whole
from devices.errors import InputError

FOLDER = Path(__file__).parents[1] / "records"
README = Path(__file__).parents[2] / "README.md"


def read(name: str, folder: Path = FOLDER) -> Any:
    """The values of a record; InputError if there is none."""
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' is no record: {error}. Measure it again: the bench of that name, with --write.") from error


def write(name: str, values: Any, folder: Path = FOLDER) -> Path:
    """Keep the values of a record."""
    path = folder / f"{name}.json"
    write_whole(path, (json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return path


def digest(values: Any) -> str:
    """The first 16 digits of the SHA-256 of values that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def replaced(text: str, new: str) -> str:
    """``text`` with the table that has the header of the table ``new`` replaced by it; ValueError if there is none."""
    lines = text.splitlines(keepends=True)
    header = new.splitlines(keepends=True)[0]
    if header not in lines:
        raise ValueError(f"there is no table with the header {header.strip()}")
    first = lines.index(header)
    last = next((k for k in range(first, len(lines)) if not lines[k].startswith("|")), len(lines))
    return "".join(lines[:first]) + new + "".join(lines[last:])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for the README."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]]) + "\n"


def put(new: str, readme: Path = README) -> None:
    """The table into the README, in place of the one with its header."""
    write_whole(readme, replaced(readme.read_text("utf-8"), new).encode())
