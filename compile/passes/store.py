"""Store: every layer of a quantised network gets the storage format that costs least (stage ``quantised`` to ``stored``).

Rules:
1. Every format that can hold a layer is encoded, decoded and compared: a format that does not give back exactly the weights is an error.
2. A format's cost in a layer is its constants (weights, bias, shifts; bytes of flash) and its predicted instructions (devices/cost.py).
3. The objective is taken over the whole network: ``flash`` counts the constants of all layers and each kernel in use once, ``latency``
   the instructions. Ties go to the other measure. ``ram`` is equal for all present formats (none needs scratch memory), so flash decides.
4. A format named by the user is taken for every layer.
The ledger says, layer by layer, what each format would have cost and why the chosen one was taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compile.formats import FORMATS, Format, format_named
from devices.board import Board
from devices.cost import kernel_bytes, predict
from devices.errors import CheckError, InputError, unknown_name
from runtime.kinds import kind_of
from runtime.network import Array, Layer, Network, validate

OBJECTIVES = ("flash", "latency", "ram")


@dataclass(frozen=True)
class FormatCost:
    """What one format would cost one layer."""

    bytes: int  # weights, bias and shifts in flash
    instructions: int  # predicted, one inference on the board's core


@dataclass(frozen=True)
class LayerLedger:
    """The formats of one layer, the one that was taken and why."""

    name: str
    chosen: str
    formats: Mapping[str, FormatCost]  # formats that cannot hold the layer are not there
    reason: str


def store(network: Network, board: Board, objective: str = "flash", choice: str = "auto") -> tuple[Network, list[LayerLedger]]:
    """The network with a format for every layer, and the ledger. ``choice``: ``auto`` or the name of a format for all layers."""
    if not network.is_integer:
        raise InputError(f"a network of stage '{network.stage}' has no integers to store. Quantise it first.")
    if objective not in OBJECTIVES:
        raise unknown_name("objective", objective, OBJECTIVES)
    if choice != "auto" and choice not in FORMATS:
        raise unknown_name("storage format", choice, [*FORMATS, "auto"])
    tables = [_costs(layer, board, choice) for layer in network.layers]
    names = [choice] * len(tables) if choice != "auto" else _cheapest(tables, board, objective)
    ledger = [
        LayerLedger(layer.name, name, table, _reason(name, table, board, objective, choice))
        for layer, name, table in zip(network.layers, names, tables, strict=True)
    ]
    layers = tuple(replace(layer, store=name) for layer, name in zip(network.layers, names, strict=True))
    return validate(network.with_layers(layers, "stored")), ledger


def shift_bytes(layer: Layer) -> int:
    """Bytes of the layer's shifts: none for the last layer, one if all neurons share it, else one a neuron."""
    shift = layer.arrays.get("shift")
    if shift is None:
        return 0
    return 1 if (shift == shift[0]).all() else len(shift)


def _costs(layer: Layer, board: Board, choice: str) -> dict[str, FormatCost]:
    if not kind_of(layer).matrix:
        raise InputError(
            f"layer '{layer.name}' of kind '{layer.kind}' is not one product with a weight matrix, which every storage format needs. Leave it out."
        )
    weights = kind_of(layer).integer_weights(layer)
    found: dict[str, FormatCost] = {}
    for name, item in FORMATS.items():
        refusal = item.refusal(weights)
        if refusal:
            if name == choice:
                raise InputError(f"layer '{layer.name}' cannot be stored as '{name}': {refusal}. Take another format, or 'auto'.")
            continue
        constants = _checked_bytes(layer.name, item, weights) + 4 * layer.outputs + shift_bytes(layer)
        found[name] = FormatCost(constants, predict(name, item.features(weights, layer.activation != "none"), board))
    if not found:
        raise CheckError(f"layer '{layer.name}' ({layer.outputs} x {layer.inputs}) is too large for every storage format. Give it fewer inputs.")
    return found


def _checked_bytes(layer: str, item: Format, weights: Array) -> int:
    encoded = item.encode(weights)
    if not np.array_equal(item.decode(encoded), weights):
        raise CheckError(f"layer '{layer}': format '{item.name}' does not give back the weights it was given. This is a bug; please report it.")
    return encoded.constants_bytes


def _cheapest(tables: list[dict[str, FormatCost]], board: Board, objective: str) -> list[str]:
    """The format of every layer: over all sets of formats, the cheapest in each layer, kernels counted once."""
    best: tuple[tuple[int, int], list[str]] | None = None
    for size in range(1, len(FORMATS) + 1):
        for allowed in itertools.combinations(FORMATS, size):
            if any(not set(allowed) & set(table) for table in tables):
                continue
            names = [_best(table, allowed, objective) for table in tables]
            flash = sum(t[n].bytes for n, t in zip(names, tables, strict=True)) + sum(kernel_bytes(n, board) for n in set(names))
            instructions = sum(t[n].instructions for n, t in zip(names, tables, strict=True))
            key = _key(flash, instructions, objective)
            if best is None or key < best[0]:
                best = key, names
    if best is None:
        raise CheckError("no set of storage formats can hold every layer. Give the layers fewer inputs.")
    return best[1]


def _best(table: Mapping[str, FormatCost], allowed: Sequence[str], objective: str) -> str:
    return min((name for name in allowed if name in table), key=lambda name: _key(table[name].bytes, table[name].instructions, objective))


def _key(flash: int, instructions: int, objective: str) -> tuple[int, int]:
    return (instructions, flash) if objective == "latency" else (flash, instructions)


def _reason(name: str, table: Mapping[str, FormatCost], board: Board, objective: str, choice: str) -> str:
    if choice != "auto":
        return f"asked for ({objective} was not compared)"
    value = {n: e.instructions if objective == "latency" else e.bytes for n, e in table.items()}
    unit = "instructions" if objective == "latency" else "bytes"
    others = sorted((v, n) for n, v in value.items() if n != name)
    if not others:
        return "the only format that can hold the layer"
    least, other = others[0]
    if value[name] <= least:
        return f"fewest {unit}: {value[name]}; next is {other} with {least}" + ("; no format needs RAM" if objective == "ram" else "")
    return f"{value[name]} {unit}; {other} has {least} but needs a further kernel of {kernel_bytes(other, board)} bytes of code"


def encoded_layers(network: Network) -> list[tuple[Format, Mapping[str, Array]]]:
    """The format and the constant arrays of every layer of a stored network, for emitters and reports."""
    return [
        (format_named(layer.store or ""), format_named(layer.store or "").encode(kind_of(layer).integer_weights(layer)).arrays)
        for layer in network.layers
    ]
