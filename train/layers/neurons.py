"""Activations by name, as runtime/network/network.py names them. To add one: a function here and a line in ``NEURONS``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def none(x: Tensor) -> Tensor:
    """The value itself: scores."""
    return x


NEURONS: dict[str, Callable[[Tensor], Tensor]] = {"none": none, "relu": torch.relu}
