"""Grids of cells through a model: what a layer reads and what it hands on, as (channels, height, width)."""

from __future__ import annotations

import math

from devices.errors import InputError
from train.config.structure import FieldSpec, ReplicatedSpec

Maps = tuple[int, int, int]


def maps_of(shape: tuple[int, ...]) -> Maps:
    """A sample's own grid: (n,) is one row, (height, width) one map, (channels, height, width) several."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    return math.prod(shape[:-2]), shape[-2], shape[-1]


def grid_maps(entry: FieldSpec | ReplicatedSpec, arriving: Maps, size: int, k: int) -> Maps:
    """What layer ``k`` reads: what arrives, or the grid its entry names; InputError if the values do not fill that grid."""
    channels, height, width = arriving
    if entry.grid is not None:
        height, width = entry.grid
        channels = size // (height * width)
    matches = channels * height * width == size and channels >= 1 and (arriving[0] == 1 or arriving == (channels, height, width))
    if not matches or channels > 256 or max(height, width) > 255:
        raise InputError(
            f"layers.{k}: a grid of {height} x {width} cells does not match what arrives there, {' x '.join(map(str, arriving))} = {size} values. "
            "Allowed: up to 255 x 255 cells and 256 channels that take exactly these values."
        )
    if k == 0 and width <= 4 < channels:
        raise InputError(
            f"layers.{k} reads {channels} channels of {height} x {width} cells, which looks like an image with its channels last. "
            "Field and replicated layers need them first: save the data as .npz with x of shape (n, channels, height, width)."
        )
    return channels, height, width


def replicated_maps(entry: ReplicatedSpec, maps: Maps, k: int) -> Maps:
    """What a replicated layer hands on; InputError if its kernel does not fit."""
    padding = padding_of(entry, maps)
    rows = []
    for size, pad, kernel in zip(maps[1:], padding, kernel_of(entry, maps), strict=True):
        if kernel > size or pad >= kernel:
            raise InputError(
                f"layers.{k}: a kernel of {entry.kernel} cells with padding {pad} does not fit a grid of {maps[1]} x {maps[2]} cells. "
                f"Allowed: a kernel of at most {size} cells there, and a padding below the kernel."
            )
        stride = entry.stride if size > 1 else 1
        rows.append(-(-((size + 2 * pad - kernel) // stride + 1) // (entry.pool if size > 1 else 1)))
    return entry.prototypes, rows[0], rows[1]


def kernel_of(entry: ReplicatedSpec, maps: Maps) -> tuple[int, int]:
    """(height, width) of the kernel: along an axis of one cell it is 1."""
    return (entry.kernel if maps[1] > 1 else 1), (entry.kernel if maps[2] > 1 else 1)


def padding_of(entry: ReplicatedSpec, maps: Maps) -> tuple[int, int]:
    """(vertical, horizontal) cells of zeros on each side: half the kernel unless the entry says otherwise."""
    pad = entry.kernel // 2 if entry.padding is None else entry.padding
    return (pad if maps[1] > 1 else 0), (pad if maps[2] > 1 else 0)
