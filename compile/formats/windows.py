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
        found = np.zeros(self.length, np.int8)
        found[self.slots] = self.inputs - centre
        return np.insert(found, _row_starts(self.units, self.unit), self.strides.astype(np.uint8).view(np.int8))


def start_of(inputs: int) -> int:
    """The centre of the first window: where windows that do not move reach everything, they should."""
    return inputs // 2 if inputs <= BEHIND + AHEAD + 1 else 0


def windows(pattern: Array, unit: int) -> Windows:
    """The windows of the true cells of a (rows, inputs) bool array. Always possible; the empty slots are few, but not proven fewest."""
    start = start_of(pattern.shape[1])
    units = np.zeros(len(pattern), np.int64)
    strides = np.zeros(len(pattern), np.int64)
    slots: list[Array] = [np.zeros(0, np.int64)]
    used = 0
    for row, active in enumerate(pattern):
        strides[row], found = _row(np.flatnonzero(active) - start, pattern.shape[1] - start, unit)
        slots.append(found + used)
        units[row] = found[-1] // unit + 1 if found.size else 0
        used += unit * int(units[row])
    rows, inputs = np.nonzero(pattern)
    return Windows(unit, start, units, strides, rows, inputs, np.concatenate(slots))


def slots_of(columns: Array, units: Array, inputs: int, unit: int) -> tuple[Array, Array]:
    """(row, input) of every slot, from ``Windows.columns``; an empty one is its window's centre."""
    starts = _row_starts(units, unit) + np.arange(len(units))
    strides = columns[starts].view(np.uint8).astype(np.int64)
    row = np.repeat(np.arange(len(units)), units)
    place = np.arange(len(row)) - np.repeat(np.cumsum(units) - units, units)
    centre = start_of(inputs) + place * strides[row]
    return np.repeat(row, unit), np.delete(columns, starts).astype(np.int64) + np.repeat(centre, unit)


def _row_starts(units: Array, unit: int) -> Array:
    return np.asarray(unit * (np.cumsum(units) - units), np.int64)


def _row(columns: Array, room: int, unit: int) -> tuple[int, Array]:
    """(stride, slots) of one row's entries, ascending and counted from the first centre; ``room``: inputs from there on."""
    count = len(columns)
    if count == 0:
        return 0, np.zeros(0, np.int64)
    place = np.arange(count) // unit
    least, later = -(-count // unit), place > 0
    low = int((-((AHEAD - columns[later]) // place[later])).max(initial=0))
    last = min(STRIDE_MAX, (room - 1) // (least - 1)) if least > 1 else STRIDE_MAX  # no window's centre behind the inputs
    high = int(((columns[later] + BEHIND) // place[later]).min(initial=last))
    if columns[:unit][-1] <= AHEAD and low <= high:
        return low, np.arange(count)
    apart = 1 if count <= FEW else last // TRIED + 1
    coarse = _best(columns, room, unit, {*range(5), *range(0, last + 1, apart), min(low, last), max(0, high)})
    return _best(columns, room, unit, set(range(max(0, coarse[0] - apart + 1), coarse[0] + apart)))


def _best(columns: Array, room: int, unit: int, strides: set[int]) -> tuple[int, Array]:
    """The stride with the fewest units, the smallest of equals, and its slots. One of ``strides`` must be possible; 0 or 1 always is."""
    found = {stride: slots for stride in sorted(strides) if (slots := _greedy(columns, room, unit, stride)) is not None}
    return min(found.items(), key=lambda item: (item[1][-1] // unit, item[0]))


def _greedy(columns: Array, room: int, unit: int, stride: int) -> Array | None:
    """Slots of the entries, every unit taking the next ones that its window reaches; None if a window overtakes an entry or leaves the inputs."""
    slots = np.empty(len(columns), np.int64)
    at = place = 0
    while at < len(columns):
        centre = place * stride
        if columns[at] < centre - BEHIND:
            return None
        taken = min(unit, int(np.searchsorted(columns, centre + AHEAD, side="right")) - at)
        if taken == 0 and stride == 0:
            return None
        slots[at : at + taken] = place * unit + np.arange(taken)
        at += taken
        place += 1
    return slots if (place - 1) * stride < room else None
