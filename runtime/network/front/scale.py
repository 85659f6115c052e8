"""``scale``: the affine map from raw values to the network's bytes, one for all values, one a channel, or one a feature.

With p maps, value i of a sample (flattened, channels last) has map i mod p. Whole numbers x of ``dtype``:

    u = clamp((m * x + b) >> s, 0, 255)          m int32, b int64, s: the map's; exact in 32 bits up to 16-bit x, else in 64

Floats: u = clamp(trunc(m * x + b), 0, 255) in IEEE float32, the product rounded before the sum is (no fused multiply-add); NaN gives 0.
A half is in b, so that u is the nearest byte.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from devices.errors import InputError
from runtime.network.front.stage import Stage
from runtime.network.network import Array, InputSpec
from runtime.network.schema import Value, Word

KIND = "scale"
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "float32")  # of raw values
OPTIONS: Mapping[str, Value] = {"dtype": Word(DTYPES, "type of raw values")}
ARRAYS = {
    "float32": {"multiplier": "float32", "offset": "float32"},
    "int": {"multiplier": "int32", "offset": "int64", "shift": "uint8"},
}
MULTIPLIER_MAX = 2**15 - 1  # of whole numbers: with 16-bit values the product fits int32
SHIFT_MAX = {False: 30, True: 46}  # by whether products need 64 bits


def arrays_of(dtype: str) -> dict[str, str]:
    """The arrays of a map of raw values of that type, and their dtypes."""
    return ARRAYS["float32" if dtype == "float32" else "int"]


def check(stage: Stage, spec: InputSpec, where: str) -> None:
    """InputError unless the maps fit the input, and no value can overflow."""
    dtype = str(stage.options["dtype"])
    dtypes = arrays_of(dtype)
    if {name: str(value.dtype) for name, value in stage.arrays.items()} != dtypes:
        raise InputError(f"{where}: the map of {dtype} values needs the arrays {dtypes}. It is damaged.")
    shapes = {value.shape for value in stage.arrays.values()}
    maps = len(stage.arrays["multiplier"]) if stage.arrays["multiplier"].ndim == 1 else 0
    if shapes != {(maps,)} or maps < 1 or spec.size % maps:
        raise InputError(f"{where}: arrays of shapes {sorted(shapes)} are no maps of {spec.size} values. Allowed: one length that divides it.")
    if spec.cut:
        raise InputError(f"{where}: a map of raw values with {8 - spec.cut} input bits; allowed: 8.")
    if dtype == "float32":
        if not all(np.isfinite(value).all() for value in stage.arrays.values()):
            raise InputError(f"{where}: a map is not finite. It is damaged.")
        return
    info = np.iinfo(dtype)
    m, b, s = (stage.arrays[name].astype(object) for name in ("multiplier", "offset", "shift"))
    wide = info.bits > 16
    limit = 2**62 if wide else 2**31
    if max(abs(int(v)) for v in m) > MULTIPLIER_MAX or max(int(v) for v in s) > SHIFT_MAX[wide]:
        raise InputError(f"{where}: a map's multiplier or shift is out of range. Allowed: +-{MULTIPLIER_MAX} and 0..{SHIFT_MAX[wide]}.")
    if any(abs(int(v) * max(-info.min, info.max)) + abs(int(w)) >= limit for v, w in zip(m, b, strict=True)):
        raise InputError(f"{where}: a map of {dtype} values can leave {limit.bit_length()} bits. It is damaged.")


def law(stage: Stage, raw: Array) -> Array:
    """(n, size) bytes of (n, size) raw values of the stage's dtype."""
    dtype = str(stage.options["dtype"])
    index = np.arange(raw.shape[1]) % len(stage.arrays["multiplier"])
    m, b = stage.arrays["multiplier"][index], stage.arrays["offset"][index]
    if dtype == "float32":
        with np.errstate(over="ignore", invalid="ignore"):
            y = np.asarray(raw, np.float32) * m + b  # two roundings: numpy multiplies whole arrays first
        return np.where(y > 0, np.minimum(np.where(np.isnan(y), 0, y), np.float32(255)), np.float32(0)).astype(np.uint8)
    y = raw.astype(np.int64) * m + b
    return np.clip(y >> stage.arrays["shift"][index], 0, 255).astype(np.uint8)


def make(low: Array, high: Array, dtype: str) -> Stage:
    """The map that takes low[c]..high[c] to 0..255, one a c; where they are equal every value becomes 128."""
    span = np.asarray(high, np.float64) - low
    constant = span <= 0
    gain = np.where(constant, 0.0, 255 / np.where(constant, 1.0, span))
    offset = np.where(constant, 128.0, -np.asarray(low, np.float64) * gain) + 0.5
    if dtype == "float32":
        return Stage(KIND, {"multiplier": gain.astype(np.float32), "offset": offset.astype(np.float32)}, {"dtype": dtype})
    info = np.iinfo(dtype)
    bits = 31 if info.bits <= 16 else 62
    room = np.abs(gain) * max(-int(info.min), int(info.max)) + np.abs(offset)
    shift = np.floor(np.minimum(np.log2(MULTIPLIER_MAX / np.maximum(gain, 1e-30)), bits - 1e-6 - np.log2(np.maximum(room, 1))))
    shift = np.clip(shift, 0, SHIFT_MAX[info.bits > 16])
    arrays = {"multiplier": np.rint(gain * 2**shift).astype(np.int32), "offset": np.rint(offset * 2**shift).astype(np.int64)}
    return Stage(KIND, {**arrays, "shift": shift.astype(np.uint8)}, {"dtype": dtype})
