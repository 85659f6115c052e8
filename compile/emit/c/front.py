"""``front.c``: a network's front end as C, nearwire_quantise: raw values in, the bytes of nearwire_infer out (runtime/network/front/scale.py's law).

A file of its own: who has bytes already need not compile it, and a core without floating point needs no library for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compile.emit.common.templates import environment, rows
from runtime.network.network import Array, Network

NAME = "front.c"
TEMPLATE = "front.c.jinja"
RAW_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t", "float32": "float"}


def raw_type(network: Network) -> str | None:
    """The C type of a raw value; None where the network has no front end."""
    return RAW_TYPES[str(network.front[0].options["dtype"])] if network.front else None


def files(network: Network) -> dict[str, str]:
    """front.c, where the network has a front end."""
    if not network.front:
        return {}
    return {NAME: environment().get_template(TEMPLATE).render(_values(network))}


def constants_bytes(network: Network) -> int:
    """Bytes of flash that the maps take."""
    return sum(array["bytes"] for array in _values(network)["arrays"]) if network.front else 0


def _values(network: Network) -> dict[str, Any]:
    stage = network.front[0]
    dtype = str(stage.options["dtype"])
    real, wide = dtype == "float32", dtype == "int32"
    types = {"multiplier": "float" if real else "int16_t", "offset": "float" if real else "int64_t" if wide else "int32_t", "shift": "uint8_t"}
    order = [name for name in ("multiplier", "offset", "shift") if name in stage.arrays]
    arrays = [_array(name, types[name], stage.arrays[name]) for name in order]
    return {"inputs": network.input.size, "maps": len(stage.arrays["multiplier"]), "arrays": arrays, "real": real, "wide": wide}


def _array(name: str, kind: str, values: Array) -> dict[str, Any]:
    width = {"float": 4, "int16_t": 2, "int32_t": 4, "int64_t": 8, "uint8_t": 1}[kind]
    text = ", ".join(_float(value) for value in values) if kind == "float" else rows(values)
    return {"name": name, "type": kind, "rows": _wrapped(text) if kind == "float" else text, "bytes": width * values.size, "length": values.size}


def _float(value: np.float32) -> str:
    """A float literal that C reads back exactly."""
    return f"{float(value):.9g}{'' if any(c in f'{float(value):.9g}' for c in '.en') else '.0'}f"


def _wrapped(text: str) -> str:
    """The literals in lines of eight."""
    words = text.split(", ")
    return ",\n".join("    " + ", ".join(words[k : k + 8]) for k in range(0, len(words), 8))
