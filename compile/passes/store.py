"""Store: every layer of a quantised network gets the storage format that costs least (stage ``quantised`` to ``stored``).

Rules:
1. Every format that can hold a layer is encoded, decoded and compared: a format that does not give back exactly the weights is an error.
2. A format's cost in a layer is its constants (weights, bias, shifts; bytes of flash) and its predicted instructions (devices/cost.py).
3. The objective is taken over the whole network: ``flash`` counts the constants of all layers and each kernel in use once, ``latency``
   the instructions, ``ram`` the scratch memory and then the flash. Ties go to the other measure; within 1 % of the least flash the fewest
   instructions win.
4. A format named by the user is taken for every layer.
The ledger says, layer by layer, what each format would have cost and why the chosen one was taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compile.formats import FORMATS, Format
from devices.board import Board
from devices.cost import kernel_bytes, predict
from devices.errors import CheckError, InputError, unknown_name
from runtime.kinds import kind_of
from runtime.network import Layer, Network, validate

OBJECTIVES = ("flash", "latency", "ram")
FLASH_TOLERANCE = 0.01  # of the least flash: what more is paid back in instructions


@dataclass(frozen=True)
class FormatCost:
    """What one format would cost one layer."""

    bytes: int  # weights, bias and shifts in flash
    instructions: int  # predicted, one inference on the board's core
    ram: int = 0  # bytes of scratch memory


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
    tables = [_costs(network, index, board, choice) for index in range(len(network.layers))]
    names = [choice] * len(tables) if choice != "auto" else _cheapest(tables, board, objective)
    ledger = [
        LayerLedger(layer.name, name, table, _reason(name, table, board, objective, choice))
        for layer, name, table in zip(network.layers, names, tables, strict=True)
    ]
    layers = tuple(replace(layer, store=name) for layer, name in zip(network.layers, names, strict=True))
    return validate(network.with_layers(layers, "stored")), ledger


def _costs(network: Network, index: int, board: Board, choice: str) -> dict[str, FormatCost]:
    layer = network.layers[index]
    shifted = index == 0 and network.input.zero_point != 0 and layer.activation != "none"
    found: dict[str, FormatCost] = {}
    for name, item in FORMATS.items():
        refusal = "it has no room for the input's zero point" if shifted and item.packed else item.refuses(layer)
        if refusal:
            if name == choice:
                raise InputError(f"layer '{layer.name}' cannot be stored as '{name}': {refusal}. Take another format, or 'auto'.")
            continue
        constants = _checked_bytes(layer, item) + item.parameter_bytes(layer)
        scratch = item.scratch(layer)
        found[name] = FormatCost(constants, predict(name, item.layer_features(layer), board), scratch[2] if scratch else 0)
    if not found:
        raise CheckError(
            f"layer '{layer.name}' of kind '{layer.kind}' ({layer.outputs} x {layer.inputs}) fits no storage format: "
            + "; ".join(f"{name}: {item.refuses(layer)}" for name, item in FORMATS.items())
            + "."
        )
    return found


def _checked_bytes(layer: Layer, item: Format) -> int:
    encoded = item.encode_layer(layer)
    if not np.array_equal(item.decode_layer(encoded, layer), kind_of(layer).integer_weights(layer)):
        raise CheckError(f"layer '{layer.name}': format '{item.name}' does not give back the weights it was given. This is a bug; please report it.")
    return encoded.constants_bytes


def _cheapest(tables: list[dict[str, FormatCost]], board: Board, objective: str) -> list[str]:
    """The format of every layer: over all sets of formats, the cheapest in each layer, kernels counted once."""
    found: dict[tuple[str, ...], FormatCost] = {}
    for size in range(1, len(FORMATS) + 1):
        for allowed in itertools.combinations(FORMATS, size):
            if any(not set(allowed) & set(table) for table in tables):
                continue
            names = tuple(_best(table, allowed, objective) for table in tables)
            costs = [table[name] for name, table in zip(names, tables, strict=True)]
            code = sum(kernel_bytes(name, board) for name in set(names))
            found[names] = FormatCost(sum(c.bytes for c in costs) + code, sum(c.instructions for c in costs), sum(c.ram for c in costs))
    if not found:
        raise CheckError("no set of storage formats can hold every layer. Give the layers fewer inputs.")
    if objective == "flash":
        enough = min(cost.bytes for cost in found.values()) * (1 + FLASH_TOLERANCE)
        near = {names: cost for names, cost in found.items() if cost.bytes <= enough}
        return [*min(near.items(), key=lambda item: (item[1].instructions, item[1].bytes))[0]]
    return [*min(found.items(), key=lambda item: _key(item[1], objective))[0]]


def _best(table: Mapping[str, FormatCost], allowed: Sequence[str], objective: str) -> str:
    return min((name for name in allowed if name in table), key=lambda name: _key(table[name], objective))


def _key(cost: FormatCost, objective: str) -> tuple[int, ...]:
    if objective == "latency":
        return cost.instructions, cost.bytes
    return (cost.bytes, cost.instructions) if objective == "flash" else (cost.ram, cost.bytes, cost.instructions)


def _reason(name: str, table: Mapping[str, FormatCost], board: Board, objective: str, choice: str) -> str:
    if choice != "auto":
        return f"asked for ({objective} was not compared)"
    value = {n: e.instructions if objective == "latency" else e.bytes for n, e in table.items()}
    unit = "instructions" if objective == "latency" else "bytes"
    others = sorted((v, n) for n, v in value.items() if n != name)
    if not others:
        return "the only format that can hold the layer"
    if objective == "ram" and table[name].ram < max(entry.ram for entry in table.values()):
        return f"least RAM: {table[name].ram} bytes of scratch memory"
    least, other = others[0]
    if value[name] <= least:
        return f"fewest {unit}: {value[name]}; next is {other} with {least}"
    if value[name] <= least * (1 + FLASH_TOLERANCE):
        return f"{value[name]} {unit}, nearly as few as {other} with {least}, and fewer instructions"
    return f"{value[name]} {unit}; {other} has {least} but needs a further kernel of {kernel_bytes(other, board)} bytes of code"
