"""Trainable layer kinds, a file each; ``MODULES`` of train/config/kinds.py names them. To add one: a file here and a line there.

A kind's file holds its ``SPEC`` (its fields in a recipe) and its ``LAYER`` (base.py). What several kinds share: synapse_layer.py and boxes.py
(synapses over a grid), geometry.py (grids), wiring.py and pruning.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.config.kinds import kind_module

if TYPE_CHECKING:  # without torch
    from train.layers.base import TrainLayer


def layer_class(kind: str) -> type[TrainLayer]:
    """The class of a kind, its module loaded on demand; InputError with the nearest name if there is none such."""
    layer: type[TrainLayer] = kind_module(kind).LAYER
    return layer
