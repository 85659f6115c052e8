"""Text from outside (boards, files, paths, tools) as it may be shown: one line, no character that a terminal obeys.

Rule: what is not printable is written as its escape (``\\x1b``, ``\\u202e``), blanks of any kind as a space. Text that is printable stays as it is.
"""

from __future__ import annotations

import sys

ELLIPSIS = "…"


def plain(text: object, limit: int | None = None) -> str:
    """``text`` on one line without control characters, marks that turn the direction of writing, and lone surrogates; at most ``limit`` characters."""
    whole = str(text)
    line = whole if limit is None else whole[: limit + 1]  # what is cut anyway is not worked on
    if not line.isprintable():
        line = "".join(c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode("ascii") for c in line)
    return line if limit is None or len(line) <= limit else line[: limit - 1] + ELLIPSIS


def say(*lines: object) -> None:
    """Lines on standard output, at once."""
    print("\n".join(map(plain, lines)), flush=True)


def warn(*lines: object) -> None:
    """Lines on standard error."""
    print("\n".join(map(plain, lines)), file=sys.stderr, flush=True)
