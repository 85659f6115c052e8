"""The integer arithmetic that every backend must reproduce bit for bit.

Activations are unsigned bytes, weights are integers in -63..63, accumulators int32. Hidden neuron j of a layer computes

    acc_j = sum_i w_ji * (u_i - z) + b_j                          z: zero point of the input, 0 behind a hidden layer
    u'_j  = clamp((acc_j + 2**(s_j - 1)) >> s_j, 0, 255)          s_j: the neuron's shift, >> rounds towards minus infinity

and the last layer returns its acc as scores; the label is the first largest. The first layer's u is the input byte, or the byte >> cut
where the network reads fewer bits. Why a shift, and why 63:

- A shift needs no 32 x 32 -> 64 bit multiplication, which a Cortex-M0+ does not have, and no multiplier constant.
- Runtimes round differently (round half even of a float product; fixed point rounded twice). With these weights each can be told the
  same thresholds exactly: TFLite is given 2w and 2b + 1, so that no sum meets a rounding tie (2 * 63 still fits int8); ONNX is given w
  and a scale one step above 2**-s. ``compile.emit.common.thresholds`` proves it for every layer when it is written.
- 255 * 63 * 2 fits int16, so the pairwise byte multiplications of AVX2 cannot saturate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.network.network import Array

WEIGHT_MAX = 63
SHIFT_MIN, SHIFT_MAX = 1, 13
ACTIVATION_MAX = 255
ACCUMULATOR_MAX = 2**31 - 1
FLOAT32_INTEGERS = 2**24  # every integer up to here is a float32


def exact_float(weights: Array) -> type[np.floating[Any]]:
    """The smallest float type that holds every partial sum of integer (outputs, inputs) weights times -255..255, so that products in it are exact."""
    largest = int(np.abs(weights.astype(np.int32)).sum(axis=1).max(initial=0)) * ACTIVATION_MAX
    return np.float32 if largest <= FLOAT32_INTEGERS else np.float64


def accumulate(weights: Array, bias: Array, inputs: Array, zero_point: int = 0) -> Array:
    """(n, outputs) int64 accumulators of (outputs, inputs) weights over (n, inputs) bytes. Exact: ``exact_float`` holds every partial sum."""
    exact = exact_float(weights)
    offset = inputs.astype(exact) - exact(zero_point)
    return np.asarray(offset @ weights.astype(exact).T).astype(np.int64) + bias.astype(np.int64)


def requantise(accumulators: Array, shift: Array) -> Array:
    """(n, outputs) accumulators to the (n, outputs) bytes of the next layer, with one shift an output."""
    s = shift.astype(np.int64)
    return np.clip((accumulators + (np.int64(1) << (s - 1))) >> s, 0, ACTIVATION_MAX).astype(np.uint8)


def accumulator_bound(weights: Array, bias: Array, zero_point: int = 0, maximum: int = ACTIVATION_MAX) -> int:
    """The largest |accumulator| that inputs of 0..maximum can cause, with the partial sums in any order."""
    reach = max(zero_point, maximum - zero_point)
    return int((np.abs(weights.astype(np.int64)).sum(axis=1) * reach + np.abs(bias.astype(np.int64))).max(initial=0))


def distance_code(squared: Array, mantissa_bits: int) -> Array:
    """A floating-point code of squared integer distances: exponent and ``mantissa_bits`` leading bits, monotone, equal for all backends.

    code(d2) = (e << m) | (the m bits below the leading one of d2), e = floor(log2 d2); d2 = 0 has code 0, as d2 = 1.
    """
    d2 = np.maximum(squared.astype(np.int64), 1)
    exponent = np.frexp(d2.astype(np.float64))[1].astype(np.int64) - 1  # exact: d2 < 2**53
    m = mantissa_bits
    fraction = np.where(exponent >= m, d2 >> np.maximum(exponent - m, 0), d2 << np.maximum(m - exponent, 0)) - (np.int64(1) << m)
    return np.asarray((exponent << m) | fraction, np.int64)


def distance_of_code(code: Array, mantissa_bits: int) -> Array:
    """(float64) The middle, in squared distance, of the interval that has this code."""
    m = mantissa_bits
    exponent, fraction = code >> m, code & ((1 << m) - 1)
    return np.asarray(np.ldexp(1.0 + (fraction + 0.5) / (1 << m), exponent.astype(np.int64)), np.float64)
