"""Positions become integers, before the weights that follow from them: layers that share positions share one step and one origin.

What a kind does with its positions is in compile/kinds; layers without any stay as they are.
"""

from __future__ import annotations

from compile.kinds import lowering_of
from devices.errors import InputError
from runtime.network.network import Layer, Network

BITS = (4, 12)  # of a coordinate: fewer distort the map, more overflow no table but gain nothing


def integer_positions(network: Network, bits: int) -> tuple[Layer, ...]:
    """The layers, positions of ``bits`` bits."""
    if not BITS[0] <= bits <= BITS[1]:
        raise InputError(f"{bits} bits a coordinate were asked for; allowed: {BITS[0]} to {BITS[1]}. 8 loses next to nothing.")
    return tuple(layer for group in _groups(network.layers) for layer in lowering_of(group[0]).on_grid(group, bits))


def _groups(layers: tuple[Layer, ...]) -> list[list[Layer]]:
    """Runs of layers that share positions; every other layer is alone."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.options.get("tied"):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return groups
