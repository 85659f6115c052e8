"""The Jinja templates of generated text, and how numbers and strings are written in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from runtime.network.network import Array

FOLDER = Path(__file__).parents[1] / "templates"
ROW = 24  # numbers a line


def environment() -> Any:
    """A jinja2.Environment over ``compile/emit/templates``: an undefined name is an error, and a line that holds only a tag leaves no line."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["c_string"] = c_string
    return made


def rows(values: Array) -> str:
    """The numbers of an array in C, some in every line."""
    texts = [f"0x{v:08x}u" if values.dtype == np.uint32 else str(v) for v in values.ravel().tolist()]
    return ",\n".join(", ".join(texts[at : at + ROW]) for at in range(0, len(texts), ROW))


def c_string(text: str) -> str:
    """A C string literal of ASCII characters; all others as octal escapes of their UTF-8 bytes."""
    plain = {ord(c) for c in map(chr, range(32, 127)) if c not in '"\\?'}  # '?' could begin a trigraph
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode("utf-8")) + '"'
