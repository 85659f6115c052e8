"""How positions move while a network trains: the frames that ``fit --frames N`` kept, as what the page draws.

A frame is a network file, ``frames/epoch-NNNNN.safetensors`` of the run's folder. Drawn are the rectangles (or reaches) of the first
layer that has some, or the neurons of all layers of positions where they are; networks of dense layers have nothing that moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compile.report.mapping import main_axes
from devices.errors import InputError
from runtime.network.file import load
from runtime.network.kinds import kind_of
from runtime.network.kinds.field import kernel_or_grid
from runtime.network.network import Array, Layer, Network
from runtime.report.page import packed
from train.loop.run_folder import RunFolder

NEURONS = 36  # whose rectangles are drawn
FINE = 64  # steps of a cell
LARGEST = 32_000  # of the int16 that positions are written in


def read_frames(folder: RunFolder) -> list[tuple[int, Network]]:
    """(epoch, network) in order; InputError naming a file that is damaged."""
    return [(int(path.stem.removeprefix("epoch-")), load(path)) for path in folder.frames()]


def motion_data(frames: Sequence[tuple[int, Network]], accuracy: Mapping[int, float | None]) -> dict[str, Any] | None:
    """What the page draws; None for networks without positions."""
    networks = [network for _, network in frames]
    last = networks[-1]
    if any([layer.kind for layer in network.layers] != [layer.kind for layer in last.layers] for network in networks):
        raise InputError("the frames of this run are of different networks. Train again with --frames.")
    data = {"epochs": [epoch for epoch, _ in frames], "accuracy": [accuracy.get(epoch) for epoch, _ in frames]}
    spatial = [k for k, layer in enumerate(last.layers) if kind_of(layer).positioned]
    if spatial:
        return data | _space(networks, spatial)
    boxes = [k for k, layer in enumerate(last.layers) if kind_of(layer).synapses]
    return data | _boxes([network.layers[boxes[0]] for network in networks]) if boxes else None


def _boxes(layers: Sequence[Layer]) -> dict[str, Any]:
    """(frames, neurons, synapses, 5) int16: low y, low x, high y, high x in FINEths of a cell, and the charge, 1000 the largest."""
    last = layers[-1]
    shown = min(NEURONS, len(last.arrays["bias"]))
    charges = np.stack([layer.arrays["charge"][:shown] for layer in layers])
    charges = charges / np.maximum(np.abs(charges).max(axis=(1, 2), keepdims=True), 1e-9)
    position = np.stack([layer.arrays["position"][:shown] for layer in layers])
    reach = np.broadcast_to(np.stack([layer.arrays["reach"][:shown] for layer in layers]), position.shape)
    values = np.concatenate([_steps(position - reach), _steps(position + reach), np.rint(charges[..., None] * 1000).astype(np.int16)], axis=-1)
    return {
        "kind": "boxes",
        "layer": last.name,
        "round": last.options["rule"] != "box",
        "area": [int(n) for n in kernel_or_grid(last)],
        "fine": FINE,
        "neurons": shown,
        "of": len(last.arrays["bias"]),
        "synapses": int(charges.shape[2]),
        "values": packed(values),
    }


def _space(networks: Sequence[Network], spatial: Sequence[int]) -> dict[str, Any]:
    """(frames, neurons, 2) int16 positions of all planes, and (frames, neurons) int8: the senders' masks, 100 is excitatory."""
    axes = np.array(main_axes(networks[-1]), np.float64)
    planes, masks = [], []
    for network in networks:
        layers = [network.layers[k] for k in spatial]
        plane_positions = [layers[0].arrays["sender"], *(layer.arrays["receiver"] for layer in layers)]
        planes.append(np.concatenate([coordinates[:, : axes.shape[1]].astype(np.float64) @ axes.T for coordinates in plane_positions]))
        signs = [kind_of(layer).mask(layer) for layer in layers]
        masks.append(np.concatenate([*signs, np.ones(layers[-1].outputs, np.float32)]))
    positions = np.stack(planes)
    largest = float(np.abs(positions).max()) or 1.0
    first = networks[-1].layers[spatial[0]]
    return {
        "kind": "space",
        "planes": [["input", first.inputs], *([networks[-1].layers[k].name, networks[-1].layers[k].outputs] for k in spatial)],
        "reach": round(float(np.quantile(np.abs(positions[-1]), 0.97)) / largest, 4),
        "values": packed(np.rint(positions / largest * LARGEST).astype(np.int16)),
        "masks": packed(np.rint(np.stack(masks) * 100).astype(np.int8)),
        "largest": LARGEST,
    }


def _steps(cells: Array) -> Array:
    return np.clip(np.rint(cells * FINE), -LARGEST, LARGEST).astype(np.int16)
