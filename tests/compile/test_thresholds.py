"""The proof that a file rounds as the law: it accepts exactly the scales that do, and its 510 sums stand for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compile.emit.common.thresholds import (
    choose_scales,
    fault,
    fixed_point_multipliers,
    float_constants,
    prove,
    prove_no_overflow,
    quantise_multiplier,
    round_fixed_point,
    round_float,
    thresholds,
)
from devices.errors import CheckError
from runtime.network.law import ACCUMULATOR_MAX, SHIFT_MAX, SHIFT_MIN, requantise

RUNTIMES = ("onnx", "tflite")
SCALES = st.floats(2.0**-30, 2.0**30)


def test_thresholds_are_where_the_law_steps() -> None:
    for shift in range(SHIFT_MIN, SHIFT_MAX + 1):
        t = thresholds(shift)
        shifts = np.full(1, shift)
        assert requantise(t[:, None], shifts)[:, 0].tolist() == list(range(1, 256))
        assert requantise(t[:, None] - 1, shifts)[:, 0].tolist() == list(range(255))


def scales(runtime: str, input_scale: float, output_scale: float, shift: int) -> tuple[float, float, float]:
    """Input, weight and output scale as a file would hold them."""
    output, finest = choose_scales(runtime, "hidden", np.float32(input_scale), np.float32(output_scale))
    return float(np.float32(input_scale)), float(np.ldexp(finest, SHIFT_MAX - shift)), float(output)


@pytest.mark.parametrize("runtime", RUNTIMES)
@given(input_scale=SCALES, output_scale=SCALES)
@settings(max_examples=60, deadline=None)
def test_there_are_proven_scales_near_every_real_one_and_for_every_shift(runtime: str, input_scale: float, output_scale: float) -> None:
    for shift in range(SHIFT_MIN, SHIFT_MAX + 1):
        a, w, y = scales(runtime, input_scale, output_scale, shift)
        assert fault(runtime, a, w, y, shift) is None
        assert abs(y / output_scale - 1) < 1e-5
        assert abs(w * a / y * 2.0 ** (shift + (runtime == "tflite")) - 1) < 1e-6


@pytest.mark.parametrize("shift", [1, 2, 7, SHIFT_MAX])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_proven_at_the_thresholds_holds_for_every_sum_between_them(runtime: str, shift: int) -> None:
    reach = 256 << shift
    far = np.array([-(2**30), -(2**24) - 1, 2**24 + 1, 2**29 + 1, 2**30 - 1])  # twice as much is still int32
    sums = np.concatenate([np.arange(-reach // 8, reach), far])
    law = requantise(sums[:, None], np.full(1, shift))[:, 0]
    found = scales(runtime, 1 / 255, 0.037, shift)
    held = 2 * sums + 1 if runtime == "tflite" else sums
    for constant in float_constants(*found):
        assert np.array_equal(round_float(held, constant), law)
    if runtime == "tflite":
        for pair in fixed_point_multipliers(*found):
            for variant, values in round_fixed_point(held, *pair):
                assert np.array_equal(values, law), variant


def test_onnx_at_exactly_the_shift_rounds_ties_to_even_and_is_refused() -> None:
    with pytest.raises(CheckError, match=r"layer 'hidden', neuron 1: onnx .* threshold of 1\b"):
        prove("onnx", "hidden", 1.0, np.array([2.0**-3 * (1 + 2.0**-22), 2.0**-3], np.float32), 1.0, np.array([3, 3]))


def test_tflite_at_exactly_the_shift_rounds_twice_and_is_refused() -> None:
    with pytest.raises(CheckError, match="neuron 0: tflite .*rounded twice"):
        prove("tflite", "hidden", 1.0, np.array([2.0**-4], np.float32), 1.0, np.array([3]))


def test_tflite_scales_that_are_right_only_in_double_are_refused() -> None:
    """The float32 product of these rounds up to a power of two; a layer with one output then rounded 247.25 to 248."""
    a, w, y = np.float32(0.02), np.float32(0.005), np.float32(0.0004)
    pairs = fixed_point_multipliers(a, w, y)
    assert len(pairs) == 2
    assert (2**30, 1) in pairs
    assert "threshold" in str(fault("tflite", a, w, y, 1))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("relative", [-1e-5, 1e-5, 1e-3])
def test_a_scale_that_is_off_is_refused(runtime: str, relative: float) -> None:
    exponent = 12 if runtime == "onnx" else 13
    assert fault(runtime, 1.0, 2.0**-exponent * (1 + relative), 1.0, 12) is not None


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_thresholds_beyond_the_integers_of_float32_are_refused(runtime: str) -> None:
    with pytest.raises(CheckError, match="beyond the integers of float32"):
        prove(runtime, "hidden", 1.0, np.array([2.0**-17], np.float32), 1.0, np.array([17]))


def test_multipliers_are_kept_as_tflite_keeps_them() -> None:
    assert quantise_multiplier(0.5) == (2**30, 0)
    assert quantise_multiplier(0.375) == (3 * 2**29, 1)
    assert quantise_multiplier(1 - 2.0**-40) == (2**30, -1), "a mantissa that rounds to 1 is halved"


def test_fixed_point_rounds_as_described() -> None:
    sums = np.array([-3, -1, 1, 3, 5])  # * 1/4: -0.75, -0.25, 0.25, 0.75, 1.25
    by_name = dict(round_fixed_point(sums, 2**30, 1))
    assert by_name["rounded once, halves away"].tolist() == [0, 0, 0, 1, 1]
    assert by_name["rounded twice, halves away then away"].tolist() == [0, 0, 1, 1, 2], "1 -> 0.5 -> 1 -> 0.5 -> 1"


def test_overflow_is_found_to_the_last_unit() -> None:
    zero = np.zeros((1, 3), np.int8)
    prove_no_overflow("onnx", "last", zero, np.array([ACCUMULATOR_MAX], np.int64), 0)
    with pytest.raises(CheckError, match="layer 'last': its sums reach 2147483648"):
        prove_no_overflow("onnx", "last", zero, np.array([ACCUMULATOR_MAX + 1], np.int64), 0)
    prove_no_overflow("tflite", "last", zero, np.array([2**30 - 1], np.int64), 0, doubled=True)
    with pytest.raises(CheckError, match="layer 'last'"):
        prove_no_overflow("tflite", "last", zero, np.array([2**30], np.int64), 0, doubled=True)
    weights = np.full((1, 4), 63, np.int8)
    room = ACCUMULATOR_MAX - 4 * 63 * 255
    prove_no_overflow("onnx", "last", weights, np.array([room], np.int64), 0)
    with pytest.raises(CheckError, match="layer 'last'"):
        prove_no_overflow("onnx", "last", weights, np.array([room + 1], np.int64), 0)
