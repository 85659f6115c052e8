"""Prune: the weakest connections become zero (stage ``frozen`` to ``pruned``).

Rules:
1. The smallest |w| go first; how a layer loses them, its kind says (compile/kinds). Of a ``spatial`` layer they are its longest connections: |w| falls
   with distance, so one length (option ``cutoff2``, its square) says which connections are left, and no mask has to be stored.
2. Kinds whose trait ``pruning`` is empty cannot be pruned, a network with a layer of one is refused.
3. Scope ``layer``: the same share of every layer. Scope ``global``: one threshold on |w| for all layers, so that layers with longer
   connections lose more.
4. Structure ``block4`` (kinds that have it): blocks of four neurons' weights of one input stay or go together, by the mean of their |w|; neurons
   4 k .. 4 k + 3 are a group, and a last group of fewer is one of its own. Format ``block4_s8`` stores such layers.
5. Connections that training has cut already stay cut and count towards the share. A ``spatial`` layer that loses more loses the marks of
   quantisation-aware training too: its biases are then calibrated anew for what is left.
"""

from __future__ import annotations

import numpy as np

from compile.kinds import LOWERINGS, lowering_of
from compile.kinds.base import untrained
from devices.errors import InputError, unknown_name
from runtime.network.check import validate
from runtime.network.kinds import KINDS, kind_of
from runtime.network.network import Array, Layer, Network

SCOPES = ("layer", "global")
STRUCTURES = ("none", "block4")


def prune(network: Network, share: float, scope: str = "layer", structure: str = "none") -> Network:
    """The network with ``share`` (in [0, 1)) of its connections cut."""
    check_settings(share, scope, structure)
    if share == 0:
        return network.with_layers(network.layers, "pruned")
    for layer in network.layers:
        _check_prunable(layer, structure)
    sizes = [np.abs(kind_of(layer).weights(untrained(layer))) for layer in network.layers]  # weights in whole steps would tie
    if structure == "block4":
        sizes = [_block_means(size) for size in sizes]
    if scope == "layer":
        thresholds = [_threshold(size, share) for size in sizes]
    else:
        thresholds = [_threshold(np.concatenate([size.ravel() for size in sizes]), share)] * len(sizes)
    parts = zip(network.layers, sizes, thresholds, strict=True)
    layers = tuple(lowering_of(layer).cut(layer, size >= np.float32(threshold), size) for layer, size, threshold in parts)
    return validate(network.with_layers(layers, "pruned"))


def check_settings(share: float, scope: str, structure: str) -> None:
    """InputError for a share, scope or structure that no network can be pruned by."""
    if not 0 <= share < 1:
        raise InputError(f"prune share is {share}; allowed: 0 (keep all) up to but not including 1. For nine in ten connections cut, give 0.9.")
    if scope not in SCOPES:
        raise unknown_name("prune scope", scope, SCOPES)
    if structure not in STRUCTURES:
        raise unknown_name("prune structure", structure, STRUCTURES)


def _check_prunable(layer: Layer, structure: str) -> None:
    """InputError unless connections of the layer can be cut in this structure."""
    can = kind_of(layer).pruning
    if not can:
        able = ", ".join(sorted(name for name, kind in KINDS.items() if kind.pruning and name in LOWERINGS))
        raise InputError(f"layer '{layer.name}' of kind '{layer.kind}' cannot be pruned: {lowering_of(layer).uncut}. Kinds that can: {able}.")
    if structure not in can:
        able = ", ".join(sorted(name for name, kind in KINDS.items() if structure in kind.pruning))
        raise InputError(
            f"layer '{layer.name}' of kind '{layer.kind}' cannot be pruned in structure '{structure}'. "
            f"Leave --prune-structure out, or compile a network whose layers all can: {able}."
        )


def density(network: Network) -> float:
    """Share of the connections that are not zero."""
    kinds = [(kind_of(layer), layer) for layer in network.layers]
    matrices = [kind.integer_weights(layer) if network.is_integer else kind.weights(layer) for kind, layer in kinds]
    return float(sum(np.count_nonzero(m) for m in matrices) / sum(m.size for m in matrices))


def _block_means(size: Array) -> Array:
    """(outputs, inputs) with the mean of each 4 x 1 block in place of its values."""
    first = np.arange(len(size)) // 4 * 4
    members = np.bincount(first, minlength=1)[first]
    sums = np.zeros_like(size)
    np.add.at(sums, first, size)
    return np.asarray(sums[first] / members[:, None].astype(size.dtype), size.dtype)


def _threshold(size: Array, share: float) -> float:
    """The smallest |w| that stays: round(share * n) weights lie below it (fewer where |w| repeat)."""
    ordered = np.sort(size, axis=None)
    return float(ordered[min(round(share * len(ordered)), len(ordered) - 1)])
