"""Augmentation while training: each image of a batch is rotated, scaled, shifted and sheared a little, bilinear, outside is the zero byte."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from devices.errors import InputError


def check_image(shape: tuple[int, ...], name: str) -> None:
    """InputError unless ``shape`` is that of an image."""
    if len(shape) not in (2, 3) or min(shape[:2]) < 2:
        raise InputError(f"augment needs images (height, width[, channels]); a sample of '{name}' has shape {shape}. Set augment = 0.")


def augment(x: Tensor, shape: tuple[int, ...], strength: float, generator: torch.Generator, background: float = 0.0) -> Tensor:
    """(n, size) float images of ``shape`` (height, width[, channels]), each moved by its own random affine map.

    ``strength`` 1: rotation within +-10 degrees, scale and shear within +-10 %, shift within +-10 % of the side; other strengths in proportion.
    """
    height, width, channels = (*shape, 1)[:3]
    images = x.view(len(x), height, width, channels).permute(0, 3, 1, 2) - background
    u = (torch.rand(len(x), 6, generator=generator, device=x.device) * 2 - 1) * strength
    angle, scale_x, scale_y, shear = u[:, 0] * 0.1745, 1 + 0.1 * u[:, 1], 1 + 0.1 * u[:, 2], 0.1 * u[:, 3]
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = torch.stack((scale_x * cos, shear - sin, 0.2 * u[:, 4], sin, scale_y * cos, 0.2 * u[:, 5]), 1).view(-1, 2, 3)
    grid = functional.affine_grid(rows, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + background
    return moved.permute(0, 2, 3, 1).reshape(len(x), -1)
