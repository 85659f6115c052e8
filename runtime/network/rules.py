"""Wiring rules: how a squared distance becomes the size of a weight. Each is a decreasing function of d2 > 0 (length units squared).

To add one: a function here and a line in ``RULES``; ``train/layers/wiring.py`` needs its derivative.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from devices.errors import unknown_name
from runtime.network.network import Array


def inverse(d2: Array) -> Array:
    """w = 1 / d (the paper's rule)."""
    return np.asarray(1 / np.sqrt(d2))


def inverse_square(d2: Array) -> Array:
    """w = 1 / d**2."""
    return np.asarray(1 / d2)


def gaussian(d2: Array) -> Array:
    """w = exp(-d**2 / 2)."""
    return np.asarray(np.exp(-d2 / 2))


RULES: dict[str, Callable[[Array], Array]] = {"inverse": inverse, "inverse_square": inverse_square, "gaussian": gaussian}


def rule(name: str) -> Callable[[Array], Array]:
    """The rule of that name; InputError with the nearest name otherwise."""
    if name not in RULES:
        raise unknown_name("wiring rule", name, RULES)
    return RULES[name]
