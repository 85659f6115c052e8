"""Layer kinds: what each layer's arrays mean and the weight matrix they stand for.

To add a kind: (1) one new file here with a subclass of ``Kind``, (2) one line in ``KINDS`` below, (3) its module in ``train/layers/``,
(4) its rules in ``compile/passes/{freeze,prune,quantise}.py``. The round-trip and parity tests walk ``KINDS``.
"""

from __future__ import annotations

from devices.errors import unknown_name
from runtime.network.kinds.base import Kind
from runtime.network.kinds.dense import Dense
from runtime.network.kinds.field import Field
from runtime.network.kinds.replicated import Replicated
from runtime.network.kinds.spatial import Spatial
from runtime.network.network import Layer

KINDS: dict[str, Kind] = {kind.name: kind for kind in (Dense(), Spatial(), Field(), Replicated())}

__all__ = ["KINDS", "Kind", "kind_of"]


def kind_of(layer: Layer, where: str = "") -> Kind:
    """The kind of a layer, of the file ``where``; InputError with the nearest name if there is none such."""
    if layer.kind not in KINDS:
        raise unknown_name(f"kind of layer '{layer.name}'{f' in {where}' if where else ''}", layer.kind, KINDS)
    return KINDS[layer.kind]
