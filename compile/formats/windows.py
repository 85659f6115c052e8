"""Sparse rows whose columns are one byte each: entries in units, each unit within a window of 256 inputs that moves along the row.

The window of unit k is centred on input start + k * stride, with one stride a row, so a kernel moves on by one addition a unit, and a row
with its entries spread evenly needs nothing else. Where entries lie too far ahead for their window, empty slots (weight 0) let it catch up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.network.network import Array

BEHIND, AHEAD = 128, 127  # inputs of a window before and after its centre
STRIDE_MAX = 255
TRIED = 24  # strides at first, where the entries need empty slots
FEW = 8  # entries of a row for which every stride is tried
ROWS_AT_ONCE = 4096  # that are tried side by side: bounds the memory


@dataclass(frozen=True)
class Windows:
    """Where the entries of a (rows, inputs) pattern lie; every row is whole units of ``unit`` slots, rows follow each other."""

    unit: int
    start: int
    units: Array  # (rows,) int64
    strides: Array  # (rows,) int64, inputs
    rows: Array  # (entries,) int64
    inputs: Array  # (entries,) int64
    slots: Array  # (entries,) int64, among all slots

    @property
    def length(self) -> int:
        """Slots."""
        return self.unit * int(self.units.sum())

    @property
    def columns(self) -> Array:
        """(rows + length,) int8: of each row its stride (0..255, as a byte), then each slot's input counted from its window's centre."""
        centre = self.start + (self.slots // self.unit - (np.cumsum(self.units) - self.units)[self.rows]) * self.strides[self.rows]
        offsets = np.zeros(self.length, np.int8)
        offsets[self.slots] = self.inputs - centre
        return np.insert(offsets, _row_starts(self.units, self.unit), self.strides.astype(np.uint8).view(np.int8))


def start_of(inputs: int) -> int:
    """The centre of the first window: where windows that do not move reach everything, they should."""
    return inputs // 2 if inputs <= BEHIND + AHEAD + 1 else 0


def windows(pattern: Array, unit: int) -> Windows:
    """The windows of the true cells of a (rows, inputs) bool array. Always possible; the empty slots are few, but not proven fewest."""
    start = start_of(pattern.shape[1])
    rows, inputs = np.nonzero(pattern)
    entries = _Entries.of(inputs - start, np.bincount(rows, minlength=len(pattern)), pattern.shape[1] - start, unit)
    limits = entries.limits()
    strides, units = entries.even(*limits[:2])
    hard = np.flatnonzero(strides < 0)
    for at in range(0, len(hard), ROWS_AT_ONCE):
        part = hard[at : at + ROWS_AT_ONCE]
        strides[part] = entries.best_strides(part, *(limit[part] for limit in limits))
    slots = entries.within - entries.first[rows]  # of a row whose windows need no empty ones: one behind the other
    units[hard] = entries.follow(hard, strides[hard], slots)
    return Windows(unit, start, units, strides, rows, inputs, slots + unit * (np.cumsum(units) - units)[rows])


def slots_of(columns: Array, units: Array, inputs: int, unit: int) -> tuple[Array, Array]:
    """(row, input) of every slot, from ``Windows.columns``; an empty one is its window's centre."""
    starts = _row_starts(units, unit) + np.arange(len(units))
    strides = columns[starts].view(np.uint8).astype(np.int64)
    row = np.repeat(np.arange(len(units)), units)
    ordinal = np.arange(len(row)) - np.repeat(np.cumsum(units) - units, units)
    centre = start_of(inputs) + ordinal * strides[row]
    return np.repeat(row, unit), np.delete(columns, starts).astype(np.int64) + np.repeat(centre, unit)


def _row_starts(units: Array, unit: int) -> Array:
    return np.asarray(unit * (np.cumsum(units) - units), np.int64)


@dataclass(frozen=True)
class _Entries:
    """The entries of all rows, one row behind the other, ascending, counted from the first window's centre."""

    columns: Array  # (entries,)
    first: Array  # (rows,) the first entry of a row
    count: Array  # (rows,)
    room: int  # inputs from the first centre on
    unit: int

    @classmethod
    def of(cls, columns: Array, count: Array, room: int, unit: int) -> _Entries:
        return cls(columns, np.cumsum(count) - count, count, room, unit)

    @property
    def within(self) -> Array:
        """(entries,) 0, 1, 2, ..."""
        return np.arange(len(self.columns))

    def limits(self) -> tuple[Array, Array, Array]:
        """(lowest, highest, last), (rows,) each: between the first two every entry of a row lies within its own unit's window; behind ``last`` a window's
        centre would lie behind the inputs."""
        least = -(-self.count // self.unit)
        last = np.minimum(STRIDE_MAX, (self.room - 1) // np.maximum(least - 1, 1))
        low, high = np.zeros(len(self.count), np.int64), np.where(least > 1, last, STRIDE_MAX)
        row = np.repeat(np.arange(len(self.count)), self.count)
        ordinal = (self.within - self.first[row]) // self.unit
        later = ordinal > 0
        ordinal, columns, row = ordinal[later], self.columns[later], row[later]
        np.maximum.at(low, row, -((AHEAD - columns) // ordinal))
        np.minimum.at(high, row, (columns + BEHIND) // ordinal)
        return low, high, np.where(least > 1, last, STRIDE_MAX)

    def even(self, low: Array, high: Array) -> tuple[Array, Array]:
        """(strides, units) of the rows that need no empty slots; a stride of -1 for the others."""
        some = self.count > 0
        reached = np.zeros(len(self.count), bool)
        reached[some] = self.columns[(self.first + np.minimum(self.unit, self.count) - 1)[some]] <= AHEAD
        return np.where(some, np.where(reached & (low <= high), low, -1), 0), -(-self.count // self.unit)

    def best_strides(self, rows: Array, low: Array, high: Array, last: Array) -> Array:
        """The stride with the fewest units of each row, the smallest of equals: some strides first, then those around the best of them."""
        apart = np.where(self.count[rows] <= FEW, 1, last // TRIED + 1)
        coarse = self._best(
            rows,
            [
                {*range(5), *range(0, end + 1, step), min(lowest, end), max(0, highest)}
                for lowest, highest, end, step in zip(low.tolist(), high.tolist(), last.tolist(), apart.tolist(), strict=True)
            ],
        )
        around = [
            set(range(max(0, best - step + 1), min(best + step, STRIDE_MAX + 1))) for best, step in zip(coarse.tolist(), apart.tolist(), strict=True)
        ]
        return self._best(rows, around)

    def _best(self, rows: Array, strides: list[set[int]]) -> Array:
        """Of each row's ``strides``, one of which must be possible; 0 or 1 always is."""
        counts = [len(tried) for tried in strides]
        lanes = np.repeat(np.arange(len(rows)), counts)
        tried = np.array([stride for some in strides for stride in sorted(some)], np.int64)
        units = self.follow(rows[lanes], tried)
        order = np.lexsort((tried, np.where(units < 0, np.iinfo(np.int64).max, units), lanes))
        return tried[order[np.cumsum(counts) - counts]]

    def follow(self, rows: Array, strides: Array, slots: Array | None = None) -> Array:
        """(n,) units of row ``rows[i]`` with windows ``strides[i]`` apart, every unit taking the next entries that its window reaches; -1 if a window
        overtakes an entry or leaves the inputs. All are followed side by side. ``slots``: (entries,) where the entries' slots are written.
        """
        units = np.full(len(rows), -1, np.int64)
        lane, at, end, ordinal = np.arange(len(rows)), self.first[rows], (self.first + self.count)[rows], np.zeros(len(rows), np.int64)
        stride = strides
        while len(lane):
            column = self.columns[at]
            ordinal = np.where(
                column > ordinal * stride + AHEAD, -((AHEAD - column) // np.maximum(stride, 1)), ordinal
            )  # empty units until it is reached
            centre = ordinal * stride
            lost = (column > centre + AHEAD) | (column < centre - BEHIND)
            taken = np.ones(len(lane), np.int64)
            for k in range(1, self.unit):
                reached = (at + k < end) & (self.columns[np.minimum(at + k, len(self.columns) - 1)] <= centre + AHEAD)
                taken += reached & (taken == k)
            if slots is not None:
                for k in range(self.unit):
                    there = taken > k
                    slots[at[there] + k] = ordinal[there] * self.unit + k
            at, ordinal = at + taken, ordinal + 1
            over = (at >= end) & ~lost
            units[lane[over]] = np.where((ordinal - 1) * stride < self.room, ordinal, -1)[over]
            on = ~(over | lost)
            lane, at, end, ordinal, stride = lane[on], at[on], end[on], ordinal[on], stride[on]
        return units
