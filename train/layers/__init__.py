"""Trainable layer kinds. To add one: a module here whose ``LAYER`` is a ``TrainLayer`` (base.py) and a line in ``_MODULES``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from devices.errors import unknown_name

if TYPE_CHECKING:  # the names are known without torch
    from train.layers.base import TrainLayer

_MODULES = {
    "spatial": "train.layers.spatial",
    "dense": "train.layers.dense",
    "field": "train.layers.field",
    "replicated": "train.layers.replicated",
}
LAYERS = tuple(_MODULES)


def layer_class(kind: str) -> type[TrainLayer]:
    """The class of a kind, its module loaded on demand; InputError with the nearest name otherwise."""
    if kind not in _MODULES:
        raise unknown_name("trainable layer kind", kind, _MODULES)
    found: type[TrainLayer] = importlib.import_module(_MODULES[kind]).LAYER
    return found
