"""JSON and TOML that somebody else wrote: text in, plain values out, any fault one InputError that names the file.

Stricter than the parsers: no key twice, no NaN or Infinity, no lone surrogates (which no file or terminal can hold), no more than ``DEPTH_MAX``
levels, and of TOML at most ``TOML_MAX`` bytes, because its parser's time grows with the square of a key's length.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from devices.common.guard import plain, read_regular, reading

JSON_MAX = 2**23  # bytes; as values they take 24 times that at most
TOML_MAX = 2**16
DEPTH_MAX = 64  # of lists and objects within each other: what is read can be written again


def parse_json(text: str | bytes, where: str, then: str = "", verb: str = "is not valid JSON") -> Any:
    """The value of a JSON document. ``then``: what to do, for the message."""
    with reading(where, then, verb):
        if len(text) > JSON_MAX:
            raise ValueError(f"it has {len(text):,} bytes; at most {JSON_MAX:,} are read")
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(decoded, object_pairs_hook=_object, parse_constant=_constant)
        _check_depth_and_texts(value)
        return value


def read_json(path: Path, where: str, then: str = "", verb: str = "is not valid JSON") -> Any:
    """The value of a JSON file."""
    return parse_json(read_regular(path, where, JSON_MAX), where, then, verb)


def parse_toml(text: bytes, where: str, then: str = "", verb: str = "is not TOML") -> dict[str, Any]:
    """The table of a TOML document."""
    with reading(where, then, verb):
        if len(text) > TOML_MAX:
            raise ValueError(f"it has {len(text):,} bytes; at most {TOML_MAX:,} are read")
        return tomllib.loads(text.decode("utf-8"))


def read_toml(path: Path, where: str, then: str = "", verb: str = "is not TOML") -> dict[str, Any]:
    """The table of a TOML file."""
    return parse_toml(read_regular(path, where, TOML_MAX), where, then, verb)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"the name '{plain(name)}' stands in one object twice")
        fields[name] = value
    return fields


def _constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which JSON does not have")


def _check_depth_and_texts(value: Any) -> None:
    """ValueError if the value is deeper than ``DEPTH_MAX`` or a text in it holds half of a surrogate pair."""
    rest = [(value, 0)]
    while rest:
        node, depth = rest.pop()
        if isinstance(node, str):
            node.encode("utf-8")
        elif isinstance(node, dict | list):
            if depth == DEPTH_MAX:
                raise ValueError(f"it is nested deeper than {DEPTH_MAX} levels")
            rest += [(inner, depth + 1) for inner in node]
            rest += [(inner, depth + 1) for inner in node.values()] if isinstance(node, dict) else []
