"""Store: every layer of a quantised network gets the storage format that costs least (stage ``quantised`` to ``stored``).

Rules:
1. Every format that can hold a layer is encoded, decoded and compared: a format that does not give back exactly the weights is an error.
2. A format's cost in a layer is its constants (weights, bias, shifts; bytes of flash) and its predicted instructions (devices/cost/model.py).
3. The objective is taken over the whole network: ``flash`` counts the constants of all layers, each kernel in use once, and scratch memory
   byte for byte, so that flash is not saved at the expense of RAM; ``latency`` counts the instructions, ``ram`` the scratch memory and then
   the flash. Ties go to the other measures; within 1 % of the least flash the fewest instructions win.
4. A format that needs more than 8 times the instructions of the layer's fastest (1.25 times where the layer reads spikes) is taken only where it is
   asked for by name.
5. A format whose scratch memory alone is more than the board's RAM cannot hold the layer.
6. A format named by the user is taken for every layer.
The ledger says, layer by layer, what each format would have cost and why the chosen one was taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compile.formats import FORMATS, Format, neurons
from compile.formats.base import with_zero_point
from devices.boards.board import Board
from devices.errors import CheckError, InputError, unknown_name
from runtime.network.check import validate
from runtime.network.kinds import kind_of
from runtime.network.network import Layer, Network

OBJECTIVES = ("flash", "latency", "ram")
PATIENCE = 8  # times the instructions of the layer's fastest format
SPIKING_PATIENCE = 1.25  # the same where a layer reads spikes: what it does not do for those that did not come is the point of them
FLASH_TOLERANCE = 0.01  # of the least flash: what more is paid back in instructions


@dataclass(frozen=True)
class FormatCost:
    """What one format would cost one layer."""

    bytes: int  # weights, bias and shifts in flash
    instructions: int  # predicted, one inference on the board's core
    ram: int = 0  # bytes of scratch memory
    error_percent: float = 0.0  # largest error of the prediction that was seen when it was fitted

    @property
    def memory(self) -> int:
        """Bytes of flash and scratch memory."""
        return self.bytes + self.ram


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
    check_choice(objective, choice)
    network = with_zero_point(network)
    tables = [_costs(network, index, board, choice) for index in range(len(network.layers))]
    names = (
        [choice] * len(tables)
        if choice != "auto"
        else _cheapest([_fast_enough(table, layer) for table, layer in zip(tables, network.layers, strict=True)], board, objective)
    )
    ledger = [
        LayerLedger(layer.name, name, table, _reason(name, table, layer, board, objective, choice))
        for layer, name, table in zip(network.layers, names, tables, strict=True)
    ]
    layers = tuple(replace(layer, store=name) for layer, name in zip(network.layers, names, strict=True))
    return validate(network.with_layers(layers, "stored")), ledger


def check_choice(objective: str, choice: str) -> None:
    """InputError with the nearest name for an objective or format that there is not."""
    if objective not in OBJECTIVES:
        raise unknown_name("objective", objective, OBJECTIVES)
    if choice != "auto" and choice not in FORMATS:
        raise unknown_name("storage format", choice, [*FORMATS, "auto"])


def _costs(network: Network, index: int, board: Board, choice: str) -> dict[str, FormatCost]:
    layer = network.layers[index]
    costs: dict[str, FormatCost] = {}
    refused: dict[str, str] = {}
    for name, item in FORMATS.items():
        reason = item.refuses(layer) or _too_large(item, layer, board)
        if reason:
            refused[name] = reason
            continue
        constants = _checked_bytes(layer, item) + item.parameter_bytes(layer)
        if network.spiking is not None:
            instructions = neurons.predicted(layer, network.spiking, name, layer is network.layers[-1], board)
        else:
            instructions = item.instructions(layer, board)
        costs[name] = FormatCost(constants, instructions, item.scratch_bytes(layer), item.error_percent(board))
    if choice in refused:
        raise InputError(f"layer '{layer.name}' cannot be stored as '{choice}': {refused[choice]}. Take another format, or 'auto'.")
    if not costs:
        raise CheckError(
            f"layer '{layer.name}' of kind '{layer.kind}' ({layer.outputs} x {layer.inputs}) fits no storage format: "
            + "; ".join(f"{name}: {reason}" for name, reason in refused.items())
            + "."
        )
    return costs


def _too_large(item: Format, layer: Layer, board: Board) -> str | None:
    """Why the board has no room for the format's scratch memory; None if it has."""
    needed = item.scratch_bytes(layer)
    if board.memory is None or needed <= board.memory.ram_bytes:
        return None
    return f"it needs {needed} bytes of RAM, board '{board.name}' has {board.memory.ram_bytes}"


def _checked_bytes(layer: Layer, item: Format) -> int:
    encoded = item.encode_layer(layer)
    if not np.array_equal(item.decode_layer(encoded, layer), kind_of(layer).integer_weights(layer)):
        raise CheckError(f"layer '{layer.name}': format '{item.name}' does not give back the weights it was given. This is a bug; please report it.")
    return encoded.constants_bytes


def _fast_enough(table: Mapping[str, FormatCost], layer: Layer) -> dict[str, FormatCost]:
    """The formats that are not far slower than the fastest."""
    most = _patience(layer) * min(cost.instructions for cost in table.values())
    return {name: cost for name, cost in table.items() if cost.instructions <= most}


def _patience(layer: Layer) -> float:
    return SPIKING_PATIENCE if "lift" in layer.options else PATIENCE


def _cheapest(tables: Sequence[Mapping[str, FormatCost]], board: Board, objective: str) -> list[str]:
    """The format of every layer: over all sets of formats, the cheapest in each layer, kernels counted once."""
    totals: dict[tuple[str, ...], FormatCost] = {}
    usable = [name for name in FORMATS if any(name in table for table in tables)]
    for size in range(1, len(usable) + 1):
        for allowed in itertools.combinations(usable, size):
            if any(not set(allowed) & set(table) for table in tables):
                continue
            names = tuple(_best(table, allowed, objective) for table in tables)
            costs = [table[name] for name, table in zip(names, tables, strict=True)]
            code = _code_bytes(set(names), board)
            totals[names] = FormatCost(sum(c.bytes for c in costs) + code, sum(c.instructions for c in costs), sum(c.ram for c in costs))
    if not totals:
        raise CheckError("no set of storage formats can hold every layer. Give the layers fewer inputs.")
    if objective == "flash":
        enough = min(cost.memory for cost in totals.values()) * (1 + FLASH_TOLERANCE)
        near = {names: cost for names, cost in totals.items() if cost.memory <= enough}
        return [*min(near.items(), key=lambda item: (item[1].instructions, item[1].memory))[0]]
    return [*min(totals.items(), key=lambda item: _key(item[1], objective))[0]]


def _code_bytes(names: set[str], board: Board) -> int:
    """Of the kernels of these formats, and of those that they call."""
    called = {part for name in names for part in FORMATS[name].needs if part in FORMATS}
    return sum(FORMATS[name].code_bytes(board) for name in names | called)


def _best(table: Mapping[str, FormatCost], allowed: Sequence[str], objective: str) -> str:
    return min((name for name in allowed if name in table), key=lambda name: _key(table[name], objective))


def _key(cost: FormatCost, objective: str) -> tuple[int, ...]:
    if objective == "latency":
        return cost.instructions, cost.memory
    return (cost.memory, cost.instructions) if objective == "flash" else (cost.ram, cost.bytes, cost.instructions)


def _reason(name: str, table: Mapping[str, FormatCost], layer: Layer, board: Board, objective: str, choice: str) -> str:
    if choice != "auto":
        return f"asked for ({objective} was not compared)"
    value = {n: e.instructions if objective == "latency" else e.memory for n, e in table.items()}
    unit = "instructions" if objective == "latency" else "bytes"
    others = sorted((v, n) for n, v in value.items() if n != name)
    if not others:
        return "the only format that can hold the layer"
    if objective == "ram" and table[name].ram < max(entry.ram for entry in table.values()):
        return f"least RAM: {table[name].ram} bytes of scratch memory"
    least, other = others[0]
    if other not in _fast_enough(table, layer) and value[name] > least:
        return f"{value[name]} {unit}; {other} has {least} but needs {table[other].instructions} instructions, more than {_patience(layer)} times the fewest"
    if value[name] <= least:
        return f"fewest {unit}: {value[name]}; next is {other} with {least}"
    if value[name] <= least * (1 + FLASH_TOLERANCE):
        return f"{value[name]} {unit}, nearly as few as {other} with {least}, and fewer instructions"
    return f"{value[name]} {unit}; {other} has {least} but needs a further kernel of {FORMATS[other].code_bytes(board)} bytes of code"
