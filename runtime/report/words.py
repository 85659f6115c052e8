"""How figures and foreign text are written: thousands, shares, bytes; Markdown cells that stay one cell whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from devices.common.text import plain

MISSING = "not measured"
LONG = 80  # characters of a foreign name before it is cut


def number(value: float | None) -> str:
    """12,427; 'not measured' where there is none."""
    return MISSING if value is None else f"{value:,.0f}"


def share(value: float, digits: int = 1) -> str:
    """0.123 as '12.3 %'; what is above zero never shows as zero."""
    text = f"{value * 100:.{digits}f} %"
    least = 10.0**-digits
    return f"< {least:.{digits}f} %" if 0 < value * 100 < least / 2 else text


def points(before: float, after: float) -> str:
    """What was lost between two accuracies, in percentage points: '0.01', '-0.12' for a gain."""
    return f"{(before - after) * 100:.2f}"


def short(text: str, limit: int = LONG) -> str:
    """One line of at most ``limit`` characters, without control characters."""
    return plain(text, limit)


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """'1 layer', '2 layers'."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def markdown_text(text: object) -> str:
    """Text that Markdown and HTML leave as it is."""
    line = short(str(text), 500).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", line)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a first column of text and numbers to the right of it."""
    lines = ["| " + " | ".join(map(markdown_text, header)) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(map(markdown_text, row)) + " |" for row in rows]
    return "\n".join(lines)
