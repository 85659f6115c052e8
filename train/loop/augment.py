"""Augmentation while training: a share of the images of a batch is rotated, scaled, sheared, shifted, flipped and bent a little.

One bilinear look-up does all of it, at places that one matrix product gives; outside is the zero byte. Bending: random displacements, normal
and independent, on a 5 x 5 grid over the image, bicubic in between. Every batch is changed anew, so nothing but the batch is ever held.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError
from train.config.tables import Augment

BENDS = 5  # points of the grid of displacements, an axis


def check_image(shape: tuple[int, ...], name: str) -> None:
    """InputError unless ``shape`` is that of an image."""
    if len(shape) not in (2, 3) or min(shape[:2]) < 2:
        raise InputError(f"augment needs images (height, width[, channels]); a sample of '{name}' has shape {shape}. Set augment = 0.")


def augment(
    x: Tensor,
    shape: tuple[int, ...],
    how: Augment,
    generator: torch.Generator,
    background: float = 0.0,
    batch: int | None = None,
    first: int = 0,
) -> Tensor:
    """(n, size) float images of ``shape`` (height, width[, channels]), the chosen share each moved by its own random map.

    ``batch``, ``first``: x holds the samples from ``first`` on of a batch of so many; what is random is drawn for the whole batch, so that a sample
    is changed alike whoever holds it.
    """
    batch = len(x) if batch is None else batch
    device = x.device
    chosen = torch.arange(batch, device=device)
    if how.share < 1:
        chosen = torch.nonzero(torch.rand(batch, generator=generator, device=device) < how.share).squeeze(1)
    u = torch.rand(len(chosen), 6, generator=generator, device=device) * 2 - 1
    flips = torch.rand(len(chosen), 1, generator=generator, device=device) < 0.5 if how.flip else None
    bends = torch.randn(len(chosen), 2 * BENDS**2, generator=generator, device=device) if how.elastic else None
    if len(x) < batch:
        here = (chosen >= first) & (chosen < first + len(x))
        chosen, u = chosen[here] - first, u[here]
        flips, bends = (None if drawn is None else drawn[here] for drawn in (flips, bends))
    if not len(chosen):
        return x
    moved = _moved(x if len(chosen) == len(x) else x.index_select(0, chosen), shape, how, background, u, flips, bends)
    return moved if len(chosen) == len(x) else x.index_copy(0, chosen, moved)


def _moved(x: Tensor, shape: tuple[int, ...], how: Augment, background: float, u: Tensor, flips: Tensor | None, bends: Tensor | None) -> Tensor:
    """Images moved by the maps that u (n, 6) in -1..1, flips (n, 1) and bends (n, 2 * BENDS**2), normal, say."""
    height, width, channels = (*shape, 1)[:3]
    images = x.view(len(x), height, width, channels).permute(0, 3, 1, 2) - background
    angle, shear = u[:, 0] * math.radians(how.rotation), u[:, 3] * how.shear
    scale_x, scale_y = 1 + how.scale * u[:, 1], 1 + how.scale * u[:, 2]
    cos, sin = torch.cos(angle), torch.sin(angle)
    across = torch.stack((scale_x * cos, shear - sin, 2 * how.shift * u[:, 4]), 1)
    if flips is not None:
        across *= torch.where(flips, -1.0, 1.0)
    numbers = [across, torch.stack((sin, scale_y * cos, 2 * how.shift * u[:, 5]), 1)]
    if bends is not None:
        numbers.append(bends * (2 * how.elastic))
    grid = (torch.cat(numbers, 1) @ _basis(height, width, how.elastic > 0).to(x.device)).view(len(x), height, width, 2)
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + background
    return moved.permute(0, 2, 3, 1).reshape(len(x), -1)


@cache
def _basis(height: int, width: int, bends: bool) -> Tensor:
    """(numbers, height * width * 2): where each cell looks, (x, y) in -1..1, is linear in the 6 numbers of its map and in the displacements."""
    y = (torch.arange(height) * 2 + 1) / height - 1
    x = (torch.arange(width) * 2 + 1) / width - 1
    affine = torch.stack((x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)))
    parts = [affine]
    if bends:
        parts.append(torch.einsum("hi,wj->ijhw", _bicubic(height), _bicubic(width)).reshape(-1, height, width))
    pairs = []
    for part in parts:
        nothing = torch.zeros_like(part)
        pairs += [torch.stack((part, nothing), -1), torch.stack((nothing, part), -1)]
    return torch.cat(pairs).reshape(-1, height * width * 2)


def _bicubic(size: int) -> Tensor:
    """(size, BENDS) weights of the points in each of ``size`` cells."""
    unit = torch.eye(BENDS).view(1, BENDS, BENDS, 1)  # channels: one point each
    return functional.interpolate(unit, size=(size, 1), mode="bicubic", align_corners=True)[0, :, :, 0].T
