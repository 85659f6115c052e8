"""Changes that make mutants: of bytes, and of plain values as JSON and TOML hold them."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

RAW = {"@deep@": "[" * 200_000, "@long@": "1" * 4301, "@nan@": "NaN", "@inf@": "-Infinity", "@half@": '"\\ud800"'}  # what json.dumps does not write
ODD = (
    *(None, True, False, 0, 1, -1, 2, 127, 255, 256, 65536, 2**31, 2**32, -(2**31), 2**63, 2**64, 10**30, -(10**30), 10**400),
    *(0.5, -0.5, 1e-30, 1e30, -1e30, 1e38, 1e39, 1e308, 5e-324, -0.0, 1e-9, 3.0),
    *("", "a", "ab", "\0", "a\0b", "\n", "\x1b[31m", "[/x]", "[bold]", "../../x", "/etc/passwd", "x" * 5000, "10", "1e30", "ü", "🙂", "NaN"),
    *([], {}, [[]], [1], [8, 8], [-8, -8], [65536, 128], [255, 255], [0, 0], [1, 2, 3], ["a", "b"], [1.5, 2.5], {"a": 1}, [None], [[1, 2], [3, 4]], [True, True]),
    *RAW,
)  # fmt: skip
EXTREMES = tuple(
    n.to_bytes(size, order) for size in (1, 2, 4, 8) for order in ("little", "big") for n in (0, 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
)


def bytes_of(content: bytes, rng: random.Random) -> bytes:
    """One to eight changes of bytes: flips, extremes, cuts, copies, insertions."""
    mutant = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at = rng.randrange(len(mutant) + 1)
        match rng.randrange(8):
            case 0 | 1 if at < len(mutant):
                mutant[at] ^= 1 << rng.randrange(8)
            case 2 if at < len(mutant):
                mutant[at] = rng.randrange(256)
            case 3:
                extreme = rng.choice(EXTREMES)
                mutant[at : at + len(extreme)] = extreme
            case 4:
                del mutant[at : at + rng.choice((1, 2, 4, 16, 256))]
            case 5:
                mutant[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
            case 6:
                start = rng.randrange(len(mutant) + 1)
                mutant[at:at] = mutant[start : start + rng.choice((1, 4, 64))]
            case 7 if rng.randrange(4) == 0:
                del mutant[at:]
    return bytes(mutant)


def value_of(value: Any, rng: random.Random) -> Any:
    """A copy of a plain value with one to three changes at random depths."""
    mutant = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        spots = [(None, None), *_spots(mutant)]
        holder, key = rng.choice(spots[1:] or spots)
        if holder is None:
            return copy.deepcopy(rng.choice(ODD))
        _change(holder, key, rng)
    return mutant


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of every value within a value."""
    spots, rest = [], [value]
    while rest:
        holder = rest.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        spots += [(holder, key) for key in keys]
        rest += [holder[key] for key in keys]
    return spots


def _change(holder: Any, key: Any, rng: random.Random) -> None:
    old = holder[key]
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(("", "x", str(key) + "x", "\x1b[31m", "__class__", "name", "threshold"))] = copy.deepcopy(rng.choice(ODD))
        case 1:
            holder.insert(key, copy.deepcopy(old))
        case 2 if isinstance(old, int | float) and not isinstance(old, bool) and abs(old) < 10**300:
            holder[key] = rng.choice((old + 1, old - 1, -old, old * 2, old * 1000, old + 0.5, str(old), [old], float(old)))
        case 2 if isinstance(old, str):
            holder[key] = rng.choice((old + "x", old[:-1], old.upper(), [old], old[:1000] * 50, old + "\0"))
        case 3 if isinstance(holder, dict):
            other = rng.choice(list(holder))
            holder[key], holder[other] = holder[other], old
        case 4 if isinstance(old, list) and old:
            flat = len(old) < 100 and not any(isinstance(one, list | dict | str) for one in old)
            holder[key] = old * (rng.choice((2, 1000)) if flat else 2) if len(old) < 1000 else old[:1]
        case _:
            holder[key] = copy.deepcopy(rng.choice(ODD))


def json_of(value: Any, rng: random.Random) -> str:
    """A changed value as JSON; sometimes with what JSON does not allow, or one name twice."""
    text = json.dumps(value_of(value, rng))
    for mark, raw in RAW.items():
        text = text.replace(f'"{mark}"', raw)
    if rng.randrange(20) == 0 and '": ' in text:
        text = text.replace("{", '{"schema": 1, "schema": 1, ', 1)
    return text


def toml_of(table: dict[str, Any], rng: random.Random) -> str:
    """A changed table as TOML."""
    changed = value_of(table, rng)
    return "".join(f"{_toml_key(name)} = {_toml(value)}\n" for name, value in (changed if isinstance(changed, dict) else {"x": changed}).items())


def _toml_key(name: str) -> str:
    return json.dumps(str(name), ensure_ascii=False) if not str(name).isidentifier() else str(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return {"@deep@": "[" * 5000, "@long@": "1" * 4301, "@nan@": "nan", "@inf@": "-inf", "@half@": '"\\ud800"'}.get(value) or json.dumps(value)
    if isinstance(value, list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml_key(name)} = {_toml(one)}' for name, one in value.items())}}}"
    return "0x" + "f" * 2000 if value is None else repr(value)
