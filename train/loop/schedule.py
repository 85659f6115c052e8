"""Learning-rate schedules by name: the share of the training that is done, 0..1, to a factor of the peak rate."""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.2  # share of the training that one-cycle spends rising
FLOOR = 0.001  # where one-cycle and cosine end


def one_cycle(progress: float) -> float:
    """From 0.04 up to 1 and down to the floor, both along a half cosine."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / WARM_UP)) / 2
    return cosine((progress - WARM_UP) / (1 - WARM_UP))


def warm_cosine(progress: float) -> float:
    """Half a cosine from 1 to 0 over the whole training, risen to in a straight line over the first tenth."""
    return min(1.0, progress / 0.1 + 0.001) * (1 + math.cos(math.pi * progress)) / 2


def cosine(progress: float) -> float:
    """From 1 down to the floor along a half cosine."""
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * progress)) / 2


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


SCHEDULES: dict[str, Callable[[float], float]] = {"one-cycle": one_cycle, "warm-cosine": warm_cosine, "cosine": cosine, "constant": constant}
