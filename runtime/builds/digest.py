"""The digest that a manifest holds of itself: sha256 of its bytes, with zeros in the digest's place. It covers every file, whose sha256 are in there.

Bytes, not values: a changed bit that means the same to a parser is a change too. It shows damage; who made a build, it does not say
(``trust.py``).
"""

from __future__ import annotations

import hashlib
import re

ZEROS = "0" * 64
LINE = re.compile(rb'\n "digest": "([0-9a-f]{64})",?\n')


def sealed(text: str) -> str:
    """A manifest's text whose digest is ``ZEROS``, with its digest."""
    return text.replace(f'"digest": "{ZEROS}"', f'"digest": "{digest_of(text.encode())}"', 1)


def recorded(content: bytes) -> str | None:
    """The digest that a manifest's bytes hold; None where there is none, or not as it is written."""
    found = LINE.findall(content)
    return found[0].decode() if len(found) == 1 else None


def digest_of(content: bytes) -> str:
    """The digest of a manifest's bytes; of a manifest before there were digests, the sha256 of all of them."""
    match = LINE.search(content)
    if match is not None:
        content = content[: match.start(1)] + ZEROS.encode() + content[match.end(1) :]
    return hashlib.sha256(content).hexdigest()
