"""Grids of cells through a model: what a layer reads and what it hands on, as (channels, height, width)."""

from __future__ import annotations

import math

from devices.errors import InputError
from runtime.network.kinds.base import Maps
from runtime.network.kinds.field import LENGTH_MAX, SIDE_MAX


def maps_of(shape: tuple[int, ...]) -> Maps:
    """A sample's own grid, as (channels, height, width): (n,) is one row, (height, width) one map, (height, width, channels) several."""
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    return shape[-1], math.prod(shape[:-2]), shape[-2]


def is_last(shape: tuple[int, ...], maps: Maps) -> bool:
    """Whether samples of a shape, read as ``maps``, have the channels of a cell beside each other: images in colour, and signals of several axes."""
    return len(shape) >= 3 or (len(shape) == 2 and maps == (shape[1], 1, shape[0]))


def grid_maps(grid: tuple[int, int] | None, arriving: Maps, size: int, k: int) -> Maps:
    """What layer ``k`` reads: what arrives, or its entry's ``grid``; InputError if the values do not fill that grid."""
    channels, height, width = arriving
    if grid is not None:
        height, width = grid
        channels = size // (height * width)
    matches = channels * height * width == size and channels >= 1 and (arriving[0] == 1 or arriving == (channels, height, width))
    if not matches or channels > 256 or width > LENGTH_MAX or (height > 1 and max(height, width) > SIDE_MAX):
        raise InputError(
            f"layers.{k}: a grid of {height} x {width} cells does not match what arrives there, {' x '.join(map(str, arriving))} = {size} values. "
            f"Allowed: up to {SIDE_MAX} x {SIDE_MAX} cells, or one row of {LENGTH_MAX}, and 256 channels, that take exactly these values."
        )
    if k == 0 and height <= 4 < min(width, channels):
        raise InputError(
            f"layers.{k} reads {channels} channels of {height} x {width} cells, which looks like an image with its channels first. "
            "Channels come last: save the data as .npz with x of shape (n, height, width, channels)."
        )
    return channels, height, width
