"""A layer whose rows of weights are repeated over a grid and pooled: what emitters and reports ask of it, whatever its kind.

    positions = (grid + 2 * padding - kernel) // stride + 1        pooled = positions / pool, rounded up        per axis

Pairs are (vertical, horizontal), in cells or positions. Outputs lie map by map, a map a row of weights.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Convolution:
    """The geometry of one layer. ``mean_shift``: log2 of the positions that a mean is taken over; 0: the largest of a window is kept."""

    channels: int
    grid: Pair
    kernel: Pair
    stride: Pair
    padding: Pair
    pool: Pair
    mean_shift: int = 0
    channels_last: bool = False  # whether the channels of a cell lie beside each other in its input

    @property
    def positions(self) -> Pair:
        """Where the rows are evaluated, before pooling."""
        rows, columns = ((self.grid[k] + 2 * self.padding[k] - self.kernel[k]) // self.stride[k] + 1 for k in (0, 1))
        return rows, columns

    @property
    def pooled(self) -> Pair:
        """Of each output map."""
        return -(-self.positions[0] // self.pool[0]), -(-self.positions[1] // self.pool[1])
