"""Windows: every entry lies in exactly one slot, within reach of its window, and no window leaves the inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compile.formats.windows import slots_of, windows


@st.composite
def patterns(draw: st.DrawFn) -> np.ndarray:
    """(rows, inputs) bool: even, lopsided, clustered and empty rows."""
    inputs = draw(st.one_of(st.integers(1, 300), st.sampled_from([255, 256, 257, 511, 784, 3000])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = rng.random((draw(st.integers(1, 6)), inputs)) < draw(st.sampled_from([0.001, 0.02, 0.1, 0.5, 1.0]))
    found[:, : draw(st.integers(0, inputs))] &= draw(st.booleans())
    found[:, draw(st.integers(0, inputs)) :] &= draw(st.booleans())
    return found


@pytest.mark.parametrize("unit", [2, 4])
@settings(max_examples=60, deadline=None)
@given(pattern=patterns())
def test_every_entry_has_a_slot_that_its_window_reaches(unit: int, pattern: np.ndarray) -> None:
    found = windows(pattern, unit)
    inputs = pattern.shape[1]
    assert len(set(found.slots.tolist())) == len(found.slots) == pattern.sum()
    columns = found.columns
    assert len(columns) == found.length + len(pattern)
    rows, reached = slots_of(columns, found.units, inputs, unit)
    assert np.array_equal(rows[found.slots], found.rows)
    assert np.array_equal(reached[found.slots], found.inputs)
    assert ((reached >= 0) & (reached < inputs)).all()  # empty slots are read as well
    assert ((found.strides >= 0) & (found.strides <= 255)).all()
    assert (found.units[~pattern.any(axis=1)] == 0).all()


def test_rows_of_up_to_256_inputs_have_no_empty_units() -> None:
    rng = np.random.default_rng(0)
    for inputs in (1, 40, 129, 256):
        pattern = rng.random((50, inputs)) < 0.3
        assert np.array_equal(windows(pattern, 4).units, -(-pattern.sum(axis=1) // 4))


def test_evenly_sparse_rows_need_few_empty_slots() -> None:
    pattern = np.random.default_rng(0).random((256, 784)) < 0.1
    found = windows(pattern, 4)
    assert found.length / pattern.sum() < 1.06


def test_an_entry_at_the_very_end_is_reached() -> None:
    for inputs in (257, 784, 9000):
        pattern = np.zeros((1, inputs), bool)
        pattern[0, -1] = True
        found = windows(pattern, 4)
        assert found.units[0] <= 2 + inputs // 255
        assert slots_of(found.columns, found.units, inputs, 4)[1][found.slots[0]] == inputs - 1


def test_a_stride_is_one_byte_where_a_longer_one_would_need_fewer_units() -> None:
    pattern = np.random.default_rng(8).random((1, 6000)) < 0.005
    found = windows(pattern, 2)
    assert found.strides[0] <= 255
    rows, reached = slots_of(found.columns, found.units, 6000, 2)
    assert np.array_equal(reached[found.slots], np.flatnonzero(pattern[0]))
    assert not rows.any()


def test_a_large_matrix_with_gaps_is_followed_side_by_side() -> None:
    """1,500 rows of 3,000 inputs whose entries need empty units: a loop over them in Python would not end within the suite's patience."""
    pattern = np.random.default_rng(1).random((1500, 3000)) < 0.2
    pattern[:, 200:1200] = False
    found = windows(pattern, 4)
    assert found.length < 2 * pattern.sum()
