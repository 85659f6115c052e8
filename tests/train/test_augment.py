"""Augmentation: one product gives the places that torch's own functions give; what is not asked for does not happen."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from devices.errors import InputError
from train.config.files import make_config
from train.config.tables import Augment
from train.loop.augment import BENDS, _basis, augment, check_image

IMAGES = torch.rand(40, 10 * 12, generator=torch.Generator().manual_seed(0)) * 255


def moved(x: torch.Tensor = IMAGES, shape: tuple[int, ...] = (10, 12), background: float = 0.0, **how: float) -> torch.Tensor:
    return augment(x, shape, Augment(**how), torch.Generator().manual_seed(1), background)


def test_places_are_those_of_affine_grid_and_bicubic_interpolation() -> None:
    rows, points = torch.randn(3, 2, 3), torch.randn(3, 2, BENDS, BENDS)
    grid = functional.affine_grid(rows, [3, 1, 10, 12], align_corners=False)
    bent = functional.interpolate(points, size=(10, 12), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    basis = _basis(10, 12, True)
    both = torch.cat((rows.view(3, 6), points.reshape(3, -1)), 1) @ basis
    torch.testing.assert_close(both.view(3, 10, 12, 2), grid + bent, rtol=1e-4, atol=1e-5)


def test_nothing_asked_nothing_changed() -> None:
    torch.testing.assert_close(moved(), IMAGES, rtol=1e-4, atol=1e-2)


def test_share_leaves_the_other_images_as_they_are() -> None:
    same = (moved(share=0.5, rotation=8.0) == IMAGES).all(1)
    assert 8 < int(same.sum()) < 32


def test_flip_mirrors_about_half_of_the_images() -> None:
    found = moved(flip=True).view(-1, 10, 12)
    images = IMAGES.view(-1, 10, 12)
    mirrored = [torch.allclose(a, b.flip(1), atol=1e-2) for a, b in zip(found, images, strict=True)]
    kept = [torch.allclose(a, b, atol=1e-2) for a, b in zip(found, images, strict=True)]
    assert sum(mirrored) + sum(kept) == len(images)
    assert 8 < sum(mirrored) < 32


def test_shift_is_a_share_of_the_side() -> None:
    spot = torch.zeros(200, 21 * 21)
    spot[:, 220] = 1
    found = moved(spot, (21, 21), shift=0.1).view(-1, 21, 21)
    column = (found.sum(1) * torch.arange(21)).sum(1) / found.sum((1, 2))
    assert 1.5 < (column - 10).abs().max() <= 2.11


def test_outside_is_the_zero_byte() -> None:
    blank = torch.full((4, 120), 77.0)
    torch.testing.assert_close(moved(blank, shift=0.4, background=77.0), blank)


def test_channels_move_together() -> None:
    colour = IMAGES.view(40, 10, 12, 1).expand(40, 10, 12, 3).reshape(40, -1)
    found = moved(colour, (10, 12, 3), rotation=9.0, elastic=0.02).view(40, 120, 3)
    torch.testing.assert_close(found[..., 0], found[..., 2])


def test_a_number_is_short_for_an_affine_map() -> None:
    assert make_config({"augment": 0.5}, "x").augment == Augment(rotation=5, scale=0.05, shear=0.05, shift=0.05)
    assert make_config({"augment": 0}, "x").augment is None


def test_signals_cannot_be_augmented() -> None:
    with pytest.raises(InputError, match="augment needs images"):
        check_image((40,), "signal")
