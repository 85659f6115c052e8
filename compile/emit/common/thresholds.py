"""Proof that a runtime's rounding falls on the law's thresholds, for every accumulator there is.

The law (``runtime.network.law``) and every runtime map an accumulator to a byte by a function that never decreases: conversion to float32,
multiplication by a positive constant, rounding and clamping all keep order. Two such functions are equal everywhere if they are equal
on both sides of each of the 255 thresholds t_k = k * 2**s - 2**(s-1), the least accumulator whose byte is k:

    runtime(t_k - 1) <= k - 1   and   runtime(t_k) >= k,   k = 1..255

That covers both ends: below t_1 the byte is 0, from t_255 on it is 255, also beyond 2**24 where float32 skips integers, because a skipped
integer is rounded to a neighbour on its own side of t_255 (which is below 2**24: checked). So 510 sums stand for 2**32.

The arithmetic of the runtimes, written here once more in numpy:

- ``onnx``: float32(acc) * c, rounded half to even (MLAS), c = float32 of input scale * weight scale / output scale.
- ``tflite``: the sums are 2 * acc + 1. LiteRT's XNNPACK multiplies float32(sum) * c and rounds half to even; TFLite's own kernels use
  fixed point: a 31-bit multiplier and a right shift, rounded twice (high product, then shift) or once, halves away from zero or upwards,
  as the kernel of the processor does it. All variants must agree with the law.

The float32 constant c is tried in every order of multiplication and division, as delegates and compilers may choose another one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from devices.errors import CheckError
from runtime.network.law import ACCUMULATOR_MAX, ACTIVATION_MAX, SHIFT_MAX, accumulator_bound
from runtime.network.network import Array

FLOAT32_INTEGERS = 2**24  # every integer up to here is a float32
OUTPUT_NEIGHBOURS, WEIGHT_NEIGHBOURS = 24, 3  # float32 values tried on either side of the real scale


def thresholds(shift: int) -> Array:
    """(255,) int64: the least accumulator whose byte is k, for k = 1..255."""
    k = np.arange(1, ACTIVATION_MAX + 1, dtype=np.int64)
    return (k << shift) - (1 << (shift - 1))


def float_constants(input_scale: float, weight_scale: float, output_scale: float) -> set[float]:
    """The float32 values of input scale * weight scale / output scale, in every order of the two operations and rounded once."""
    a, w, y = np.float32(input_scale), np.float32(weight_scale), np.float32(output_scale)
    with np.errstate(all="ignore"):
        exact = np.float32(float(a) * float(w) / float(y)) if y else np.float32(np.inf)
        return {float(c) for c in (a * w / y, a * (w / y), a / y * w, exact)}


def round_float(sums: Array, constant: float) -> Array:
    """Bytes (int64) of int64 sums as a float32 kernel computes them: convert, multiply, round half to even, clamp."""
    product = sums.astype(np.float32) * np.float32(constant)
    return np.rint(np.clip(product, 0, ACTIVATION_MAX)).astype(np.int64)


def quantise_multiplier(real: float) -> tuple[int, int]:
    """A real multiplier in (0, 1) as TFLite keeps it: (m, r) for m * 2**-31 * 2**-r, m in 2**30..2**31 - 1."""
    mantissa, exponent = math.frexp(real)
    m = math.floor(mantissa * 2.0**31 + 0.5)
    if m == 2**31:
        m, exponent = 2**30, exponent + 1
    return m, -exponent


def fixed_point_multipliers(input_scale: float, weight_scale: float, output_scale: float) -> set[tuple[int, int]]:
    """The multipliers TFLite derives from three float32 scales.

    It computes in double where weights have one scale an output, but multiplies the first two in float32 where a tensor has one scale: so
    does a layer with a single output.
    """
    a, w, y = np.float32(input_scale), np.float32(weight_scale), np.float32(output_scale)
    return {quantise_multiplier(float(a) * float(w) / float(y)), quantise_multiplier(float(a * w) / float(y))}


def _halving(value: Array, bits: int, upwards: bool) -> Array:
    """value / 2**bits to the nearest integer; halves upwards, or away from zero."""
    if bits == 0:
        return value
    half = np.int64(1) << (bits - 1)
    if upwards:
        return (value + half) >> bits
    return np.where(value < 0, -((-value + half) >> bits), (value + half) >> bits)


def round_fixed_point(sums: Array, multiplier: int, right: int) -> Iterator[tuple[str, Array]]:
    """(variant, bytes) of int64 sums for every fixed-point rounding in use: twice or once, halves away from zero or upwards."""
    product = sums * np.int64(multiplier)
    for first in (False, True):
        for second in (False, True):
            high = _halving(product, 31, first)
            name = f"rounded twice, halves {'up' if first else 'away'} then {'up' if second else 'away'}"
            yield name, np.clip(_halving(high, right, second), 0, ACTIVATION_MAX)
        yield f"rounded once, halves {'up' if first else 'away'}", np.clip(_halving(product, 31 + right, first), 0, ACTIVATION_MAX)


def _disagreement(values: Array) -> int | None:
    """The first k whose threshold is missed, for the bytes (2, 255) of t_k - 1 and t_k; None if all are met."""
    k = np.arange(1, ACTIVATION_MAX + 1)
    wrong = np.flatnonzero((values[0] > k - 1) | (values[1] < k))
    return int(k[wrong[0]]) if len(wrong) else None


def fault(runtime: str, input_scale: float, weight_scale: float, output_scale: float, shift: int) -> str | None:
    """What goes wrong with these float32 scales in ``runtime`` ('onnx' or 'tflite') at this shift; None if the law holds for every sum."""
    t = thresholds(shift)
    sums = np.stack([t - 1, t])
    if runtime == "tflite":
        sums = 2 * sums + 1
    if int(sums.max()) >= FLOAT32_INTEGERS:
        return f"the threshold of 255 is {sums.max()}, beyond the integers of float32"
    for constant in sorted(float_constants(input_scale, weight_scale, output_scale)):
        if not 0 < constant < 1:
            return f"the float32 multiplier {constant} is not between 0 and 1"
        if (k := _disagreement(round_float(sums, constant))) is not None:
            return f"float32 multiplier {constant!r} misses the threshold of {k}"
    if runtime == "tflite":
        for multiplier, right in sorted(fixed_point_multipliers(input_scale, weight_scale, output_scale)):
            if right < 0:
                return f"the fixed-point multiplier needs a left shift by {-right} bits"
            for variant, values in round_fixed_point(sums, multiplier, right):
                if (k := _disagreement(values)) is not None:
                    return f"fixed-point multiplier {multiplier} >> {31 + right} ({variant}) misses the threshold of {k}"
    return None


def prove(runtime: str, layer: str, input_scale: float, weight_scales: Array, output_scale: float, shifts: Array) -> None:
    """CheckError naming the layer and neuron if any accumulator of it could give another byte in ``runtime`` than in the law.

    ``weight_scales`` float32 and ``shifts``, both (outputs,): the values as they are written into the file. Distinct pairs are proven once.
    """
    seen: set[tuple[float, int]] = set()
    for neuron, pair in enumerate(zip(weight_scales.tolist(), shifts.tolist(), strict=True)):
        if pair not in seen and (what := fault(runtime, input_scale, pair[0], output_scale, pair[1])):
            raise CheckError(f"layer '{layer}', neuron {neuron}: {runtime} would not round as the integer law does: {what}. Do not ship this file.")
        seen.add(pair)


def prove_no_overflow(
    runtime: str, layer: str, weights: Array, bias: Array, zero_point: int, maximum: int = ACTIVATION_MAX, doubled: bool = False
) -> None:
    """CheckError naming the layer if an accumulator or a bias with the zero point folded in (both as the runtime keeps them) could leave int32.

    Inputs are 0..``maximum``. ``doubled``: the runtime holds 2 * weights and 2 * bias + 1.
    """
    bound = accumulator_bound(weights, bias, zero_point, maximum)
    # Kernels that read the byte as u - 128, or as u, fold z or 128 - z times the row's sum into the bias beforehand.
    folded = int((np.abs(bias.astype(np.int64)) + maximum * np.abs(weights.astype(np.int64).sum(axis=1))).max(initial=0))
    largest = max(bound, folded) * (2 if doubled else 1) + (1 if doubled else 0)
    if largest > ACCUMULATOR_MAX:
        raise CheckError(
            f"layer '{layer}': its sums reach {largest} in {runtime}, more than int32 holds ({ACCUMULATOR_MAX}). "
            "Use fewer inputs or smaller biases, or leave this format out."
        )


def choose_scales(runtime: str, layer: str, input_scale: np.float32, output_scale: np.float32) -> tuple[np.float32, np.float32]:
    """(output scale, weight scale of a neuron with shift SHIFT_MAX): the float32 values nearest to the real ones that ``fault`` accepts.

    A smaller shift s takes the weight scale times 2**(SHIFT_MAX - s), which is exact, and has wider margins. The ideal multiplier lies a
    little above 2**-s for ONNX (a sum on a tie must round up) and a little below 2**-(s+1) for TFLite (its 31-bit multiplier is then nearly
    2**31, so that the first of two roundings changes nothing). CheckError if nothing near fits.
    """
    exponent, step = (-SHIFT_MAX, 2.0**-22) if runtime == "onnx" else (-SHIFT_MAX - 1, -3 * 2.0**-25)
    for output in _neighbours(np.float32(output_scale), OUTPUT_NEIGHBOURS):
        ideal = np.float32(float(output) / float(input_scale) * math.ldexp(1.0 + step, exponent))
        for weight in _neighbours(ideal, WEIGHT_NEIGHBOURS):
            if fault(runtime, float(input_scale), float(weight), float(output), SHIFT_MAX) is None:
                return output, weight
    raise CheckError(
        f"layer '{layer}': no float32 scales near {float(output_scale)} make {runtime} round as the law does behind an input scale of "
        f"{float(input_scale)}. Rescale the network's input."
    )


def _neighbours(value: np.float32, count: int) -> Iterator[np.float32]:
    """``value`` and the float32 values around it, nearest first."""
    yield value
    below = above = value
    for _ in range(count):
        below, above = np.nextafter(below, np.float32(0)), np.nextafter(above, np.float32(np.inf))
        yield below
        yield above
