"""The integer law, checked against exact rational arithmetic and its own definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runtime.network.law import accumulate, accumulator_bound, distance_code, distance_of_code, exact_float, requantise


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.integers(1, 13))
def test_requantise_is_round_half_up_of_the_quotient(acc: int, shift: int) -> None:
    exact = (Fraction(acc, 2**shift) + Fraction(1, 2)).__floor__()
    found = requantise(np.array([[acc]]), np.array([shift], np.uint8))
    assert found.dtype == np.uint8
    assert int(found[0, 0]) == min(max(exact, 0), 255)


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(0, 8))
def test_distance_code_is_monotone(a: int, b: int, bits: int) -> None:
    low, high = sorted((a, b))
    codes = distance_code(np.array([low, high]), bits)
    assert codes[0] <= codes[1]


@given(st.integers(1, 2**32), st.integers(0, 8))
def test_distance_of_code_lies_in_its_interval(d2: int, bits: int) -> None:
    code = distance_code(np.array([d2]), bits)
    middle = float(distance_of_code(code, bits)[0])
    assert abs(middle - d2) <= max(d2, 1) * 2.0**-bits
    if d2 >= 2 ** (bits + 1):
        assert distance_code(np.array([int(middle)]), bits)[0] == code[0]


def test_accumulate_is_exact_where_float32_is_not() -> None:
    weights = np.full((1, 5000), 63, np.int8)
    weights[0, ::2] = -63
    inputs = np.full((1, 5000), 255, np.uint8)
    inputs[0, 1] = 254
    assert accumulate(weights, np.array([7], np.int32), inputs)[0, 0] == -63 + 7


@given(st.integers(0, 255), st.integers(0, 2**31))
def test_bound_covers_every_input(zero_point: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-63, 64, (5, 9)).astype(np.int8)
    bias = rng.integers(-1000, 1000, 5)
    bound = accumulator_bound(weights, bias, zero_point)
    worst = np.where(weights >= 0, 255, 0).astype(np.uint8)  # (5, 9): the inputs that maximise each output
    for inputs in (worst, 255 - worst):
        assert np.abs(accumulate(weights, bias, inputs, zero_point)).max() <= bound


@given(st.integers(1, 1500), st.integers(0, 255), st.integers(0, 2**31))
def test_accumulate_is_the_sum_of_whole_numbers(inputs: int, zero_point: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, bias = rng.integers(-63, 64, (3, inputs)).astype(np.int8), rng.integers(-(2**30), 2**30, 3).astype(np.int32)
    values = rng.choice(np.array([0, 1, 254, 255], np.uint8), (4, inputs))
    exact = (values.astype(np.int64) - zero_point) @ weights.astype(np.int64).T + bias
    assert np.array_equal(accumulate(weights, bias, values, zero_point), exact)


def test_float32_is_taken_as_long_as_it_holds_every_sum() -> None:
    most = 2**24 // 255  # of a row's |weights|
    row = np.zeros((2, most), np.int8)
    row[1] = 1
    assert exact_float(row) is np.float32
    row[1, 0] = 2
    assert exact_float(row) is np.float64
