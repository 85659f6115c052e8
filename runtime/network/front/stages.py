"""The stages of front ends by name, and the law of a whole front end. To add one: a file here like scale.py and a line in ``STAGES``."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from devices.errors import InputError, unknown_name
from runtime.network.front import scale
from runtime.network.front.stage import Stage
from runtime.network.network import Array, InputSpec

STAGES: dict[str, ModuleType] = {"scale": scale}


def check_front(front: tuple[Stage, ...], spec: InputSpec, where: str) -> None:
    """InputError unless every stage is known, whole, and fits the network's input."""
    for k, stage in enumerate(front):
        at = f"{where}: stage {k} of the front end"
        if stage.kind not in STAGES:
            raise unknown_name(at, stage.kind, STAGES)
        kind = STAGES[stage.kind]
        if set(stage.options) != set(kind.OPTIONS):
            raise InputError(f"{at} has the options {sorted(stage.options)}; allowed: {sorted(kind.OPTIONS)}.")
        for name, value in kind.OPTIONS.items():
            value.check(stage.options[name], at, f"option '{name}'")
        kind.check(stage, spec, at)


def raw_dtype(front: tuple[Stage, ...]) -> str | None:
    """The type of the values that the front end takes; None where there is none, and the network takes bytes."""
    return str(front[0].options["dtype"]) if front else None


def quantised(front: tuple[Stage, ...], spec: InputSpec, raw: Array, where: str) -> Array:
    """(n, size) bytes of raw values (n, size): by the front end, or where there is none by the input's scale and zero point.

    InputError for values that are not finite numbers or do not fit the type the front end takes. Without a front end whole numbers are bytes.
    """
    if raw.dtype.kind not in "biuf":
        raise InputError(f"{where}: values of type {raw.dtype}; allowed: whole or real numbers.")
    if raw.dtype.kind == "f" and not np.isfinite(raw).all():
        raise InputError(f"{where}: the values hold NaN or infinity. Only finite values can be quantised.")
    dtype = raw_dtype(front)
    if dtype is None:
        if raw.dtype == np.uint8:
            return np.ascontiguousarray(raw)
        if raw.dtype.kind in "fb":
            return spec.to_bytes(raw.astype(np.float64) if raw.dtype.kind == "b" else raw)
        if raw.size and (raw.min() < 0 or raw.max() > 255):
            raise InputError(f"{where}: whole numbers from {raw.min()} to {raw.max()}; the network reads bytes 0..255, or real values.")
        return raw.astype(np.uint8)
    if dtype != "float32":
        info = np.iinfo(dtype)
        if raw.dtype.kind == "f" and (raw != np.rint(raw)).any():
            raise InputError(f"{where}: real values; the network was trained on {dtype} and takes whole numbers {info.min}..{info.max}.")
        if raw.size and (raw.min() < info.min or raw.max() > info.max):
            raise InputError(f"{where}: values from {raw.min()} to {raw.max()}; the network takes {dtype}, {info.min}..{info.max}.")
    values = raw.astype(dtype)
    for stage in front:
        values = STAGES[stage.kind].law(stage, values)
    return np.ascontiguousarray(values)
