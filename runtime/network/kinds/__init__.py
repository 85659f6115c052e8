"""Layer kinds: what each layer's arrays mean and the weight matrix they stand for.

To add a kind: one file and one line a package, and nothing else anywhere (tests/test_new_kind.py takes one from training to a build):
1. here: a file with a subclass of ``Kind`` (base.py), which also states its traits, and its line in ``KINDS`` below;
2. compile/kinds: a file with a ``Lowering``, how it is quantised, pruned and drawn, and its line in ``LOWERINGS``;
3. train/layers: a file with its settings and its trainable layer, and its line in ``MODULES`` of train/config/kinds.py.

Everything else asks a kind's traits and methods, never its name. The round-trip and parity tests walk ``KINDS``.
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
