"""Pruning while training: in every forward pass the given share of a layer's weights, the smallest ones, is 0.

Under a decreasing rule the smallest weights are the longest connections, so a spatial layer is cut at a squared distance. The share is a
layer's own; what is cut can come back, as the positions move. ``cutoff2`` of the exported layer lies between the last kept distance and the
first cut one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def kept(count: int, share: float) -> int:
    """How many of ``count`` weights stay when ``share`` of them is pruned: at least one."""
    return max(1, count - int(count * share + 1e-9))


def smallest(tile: Callable[[int], Tensor], tiles: int, rank: int) -> Tensor:
    """The value of that rank, from 1, among float32 values that are not negative and come in tiles 0 .. tiles - 1.

    Such floats are ordered as their bits are. So the values of several tiles are counted by their high 16 bits and then, made once more,
    those in the rank's high half by their low ones: exact, and no tile is kept.
    """
    if tiles == 1:
        return tile(0).flatten().kthvalue(rank).values

    def bits(k: int) -> Tensor:
        return tile(k).clamp_(min=0).flatten().view(torch.int32)

    def at(counts: Tensor, rank: int) -> tuple[int, int]:
        """The bin that holds a rank, and how many values lie in the bins before it."""
        ends = counts.cumsum(0)
        index = int(torch.searchsorted(ends, rank))
        return index, int(ends[index] - counts[index])

    counts = torch.bincount(bits(0) >> 16, minlength=1 << 16)
    for k in range(1, tiles):
        counts += torch.bincount(bits(k) >> 16, minlength=1 << 16)
    high, before = at(counts, rank)
    low_counts = torch.zeros_like(counts)
    for k in range(tiles):
        value = bits(k)
        low_counts += torch.bincount(value[value >> 16 == high] & 0xFFFF, minlength=1 << 16)
    low, _ = at(low_counts, rank - before)
    return torch.tensor((high << 16) | low, dtype=torch.int32, device=counts.device).view(torch.float32)


def without_smallest(weight: Tensor, share: float, structure: str = "none") -> Tensor:
    """``weight`` with the ``share`` of smallest magnitude at zero; gradients pass to the others only.

    Structure ``block4``: by the mean magnitude of blocks of four neurons' weights of one input, as compile/passes/prune.py.
    """
    size = weight.detach().abs()
    if structure == "block4":
        size = torch.cat([part.mean(0, keepdim=True).expand_as(part) for part in size.split(4)])
    drop = weight.numel() - kept(weight.numel(), share)
    if drop == 0:
        return weight
    return weight.masked_fill(size <= size.flatten().kthvalue(drop).values, 0)


def cutoff_between(tile: Callable[[int], Tensor], tiles: int, count: int, share: float) -> float:
    """A float32 between the squared distances of the last kept and the first pruned of ``count`` connections, which come in tiles."""
    keep = kept(count, share)
    last = float(smallest(tile, tiles, keep))
    if keep == count:
        return float(np.nextafter(np.float32(last), np.float32(np.inf)))
    return float(np.float32((last + float(smallest(tile, tiles, keep + 1))) / 2))
