"""Pruning while training: in every forward pass the given share of a layer's weights, the smallest ones, is 0.

Under a decreasing rule the smallest weights are the longest connections, so a spatial layer is cut at a squared distance. The share is a
layer's own; what is cut can come back, as the positions move. ``cutoff2`` of the exported layer lies between the last kept distance and the
first cut one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from runtime.network import Array


def kept(count: int, share: float) -> int:
    """How many of ``count`` weights stay when ``share`` of them is pruned."""
    return count - int(count * share + 1e-9)


def nearest_share(d2: Tensor, share: float) -> Tensor:
    """The squared distance of the last connection kept when the ``share`` of longest ones is pruned."""
    return d2.flatten().kthvalue(kept(d2.numel(), share)).values


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


def cutoff_between(d2: Array, share: float) -> float:
    """A float32 between the squared distances of the last kept and the first pruned connection."""
    flat = np.sort(d2.reshape(-1))
    keep = kept(flat.size, share)
    if keep == flat.size:
        return float(np.nextafter(flat[-1], np.float32(np.inf)))
    return float(np.float32((float(flat[keep - 1]) + float(flat[keep])) / 2))
