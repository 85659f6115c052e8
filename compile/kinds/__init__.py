"""Layer kinds as compile sees them: freeze, prune, quantise, weigh and draw a layer, kind by kind.

To add a kind (its runtime form first, runtime/network/kinds): (1) one file here with a subclass of ``Lowering`` (base.py), (2) one line in
``LOWERINGS`` below. ``quantise`` is all it must have; passes and reports ask for the rest and otherwise take the layer as its matrix of weights.
"""

from __future__ import annotations

from compile.kinds.base import IntegerWeights, Lowering
from compile.kinds.dense import DenseLowering
from compile.kinds.field import FieldLowering
from compile.kinds.replicated import ReplicatedLowering
from compile.kinds.spatial import SpatialLowering
from devices.errors import InputError
from runtime.network.network import Layer

LOWERINGS: dict[str, Lowering] = {item.name: item for item in (DenseLowering(), SpatialLowering(), FieldLowering(), ReplicatedLowering())}

__all__ = ["LOWERINGS", "IntegerWeights", "Lowering", "lowering_of"]


def lowering_of(layer: Layer) -> Lowering:
    """What compile does with a layer; InputError if it knows nothing of its kind."""
    if layer.kind not in LOWERINGS:
        raise InputError(f"layer '{layer.name}' of kind '{layer.kind}' cannot be compiled. Kinds that can: {', '.join(sorted(LOWERINGS))}.")
    return LOWERINGS[layer.kind]
