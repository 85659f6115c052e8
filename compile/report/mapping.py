"""What the map draws, layer by layer: where each neuron's synapses are, what they weigh, what leaves the neuron, and what it costs.

Positions and weights are those of the stored network, integers; arrays are bytes in base64 (``runtime.report.page.packed``).

- ``boxes``: rectangles ``edges`` with a ``charge`` (and the ``channel`` they read) over a grid; ``area`` is the grid or the kernel.
- ``weights``: one int8 a connection, drawn in the arrangement that the layer's inputs have.
- ``space``: the spatial layers that a network begins with: positions of both sides; the signs of the senders; ``web``: connections that are drawn where no neuron is chosen, the shortest and some of every length, as pairs (receiver, sender).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compile.report.prune_curve import PruneCurve
from compile.report.shapes import WEIGHTS_BYTES, arrangement, in_space, runnable
from compile.report.strengths import strengths, threshold
from runtime.builds.manifest import Manifest
from runtime.network.kinds import kind_of
from runtime.network.kinds.field import grid_of
from runtime.network.kinds.replicated import geometry, mean_shift, pooled, positions
from runtime.network.network import Array, Layer, Network
from runtime.report.page import packed
from runtime.report.words import short

STEPS = 100  # of the prune slider, percent
OFFERED = 30  # test samples to choose from
SPIKING = ("steps", "reset", "coding", "readout", "exit_lead")
WEB = 300  # connections of every length that are drawn when no neuron is chosen


def map_data(network: Network, manifest: Manifest, curve: PruneCurve | None) -> dict[str, Any]:
    """``layers`` in order; ``law``: how the page runs the network itself; ``spiking``: its time; ``prune``: (share left out, accuracy) pairs."""
    rows = []
    for index, (layer, record) in enumerate(zip(network.layers, manifest.layers, strict=True)):
        following = network.layers[index + 1] if index + 1 < len(network.layers) else None
        rows.append(_layer(network, index, layer, record.bytes) | {"fan_out": _fan_out(layer, following)})
    law = {"runs": runnable(network), "cut": network.input.cut, "zero_point": network.input.zero_point}
    points = None if curve is None else [list(point) for point in curve.points]
    spiking = None if network.spiking is None else {name: getattr(network.spiking, name) for name in SPIKING}
    return {"layers": rows, "law": law, "spiking": spiking, "offered": OFFERED, "prune": points}


def drawable(network: Network) -> bool:
    """Whether the map can draw the network in space: its first layer has positions on both sides."""
    return in_space(network, 0)


def _layer(network: Network, index: int, layer: Layer, size: int) -> dict[str, Any]:
    spatial = in_space(network, index)
    order = np.sort(
        strengths(layer) if spatial or layer.kind != "spatial" else np.abs(kind_of(layer).integer_weights(layer).astype(np.int64)).ravel()
    )
    least = [threshold(order, k / STEPS) for k in range(STEPS)]
    neurons = len(layer.arrays["bias"])
    found: dict[str, Any] = {
        "name": short(layer.name, 40),
        "kind": layer.kind,
        "store": layer.store,
        "bytes": size,
        "neurons": neurons,
        "outputs": layer.outputs,
        "inputs": layer.inputs,
        "last": index == len(network.layers) - 1,
        "least": least,
        "kept": [int(len(order) - np.searchsorted(order, value, "left")) for value in least],
        "neuron_bytes": _neuron_bytes(layer, size),
        "reads": arrangement(network, index),
        "bias": packed(np.asarray(layer.arrays["bias"], np.int32)),
        "shift": packed(layer.arrays["shift"]) if "shift" in layer.arrays else None,
    }
    if layer.activation == "lif":
        found |= {name: layer.options.get(name) for name in ("threshold", "decay", "lift")}
    if spatial:
        return found | _space(layer, main_axes(network))
    if "edges" in layer.arrays:
        return found | _boxes(layer)
    weight = kind_of(layer).integer_weights(layer)
    return found | {"form": "weights", "weight": packed(weight) if weight.size <= WEIGHTS_BYTES else None, "scale": packed(_scale(layer))}


def _boxes(layer: Layer) -> dict[str, Any]:
    arrays = layer.arrays
    found: dict[str, Any] = {
        "form": "boxes",
        "edges": packed(arrays["edges"]),
        "charge": packed(arrays["charge"]),
        "channel": packed(arrays["channel"]) if "channel" in arrays else None,
        "synapses": int(arrays["charge"].shape[1]),
        "scale": packed(_scale(layer)),
        "area": list(grid_of(layer)),
        "maps": None,
    }
    if layer.kind == "replicated":
        g, (rows, columns) = geometry(layer), pooled(layer)
        jump = [g["stride"][k] * g["pool"][k] for k in (0, 1)]
        maps = {"rows": rows, "columns": columns, "jump": jump, "positions": list(positions(layer)), "mean": mean_shift(layer)}
        found |= {"area": list(g["kernel"]), "maps": maps | {name: list(g[name]) for name in ("padding", "stride", "pool")}}
    return found


def main_axes(network: Network) -> list[list[float]]:
    """Two directions of the plane in which all positions of a network in space differ most: the same turn for every layer."""
    layers = [layer for layer in network.layers if layer.kind == "spatial"]
    relaxed = any(layer.options["gap_kind"] == "relaxed" for layer in layers)
    columns = layers[0].arrays["sender"].shape[1] - relaxed
    if columns <= 2:
        return np.eye(2, columns).tolist()
    parts = [layers[0].arrays["sender"], *(layer.arrays["receiver"] for layer in layers)]
    spread = sum(np.cov(part[:, :columns].astype(np.float64).T) for part in parts if len(part) > 1)
    vectors = np.linalg.eigh(spread)[1][:, :-3:-1].T
    turned = vectors * np.sign(vectors[np.arange(2), np.abs(vectors).argmax(axis=1)])[:, None]
    return np.round(turned, 4).tolist()


def _space(layer: Layer, axes: list[list[float]]) -> dict[str, Any]:
    order = np.argsort(-strengths(layer), kind="stable")
    spread = np.linspace(0, len(order) - 1, min(WEB, len(order))).astype(np.int64)
    drawn = order[np.unique(np.concatenate([np.arange(min(WEB // 2, len(order))), spread]))]
    receivers, senders = np.divmod(drawn, layer.inputs)
    cutoff = layer.options["cutoff2"]
    return {
        "form": "space",
        "coordinates": int(layer.arrays["sender"].shape[1]),
        "sender": packed(layer.arrays["sender"]),
        "receiver": packed(layer.arrays["receiver"]),
        "sign": packed(layer.arrays["sign"]),
        "table": packed(layer.arrays["table"]),
        "code_base": int(layer.options["code_base"]),
        "mantissa_bits": int(layer.options["mantissa_bits"]),
        "gap2": int(layer.options["gap2"]),
        "cutoff2": None if cutoff is None else int(cutoff),
        "axes": axes,
        "relaxed": layer.options["gap_kind"] == "relaxed",
        "web": np.stack([receivers, senders], axis=1).tolist(),
    }


def _scale(layer: Layer) -> Array:
    return np.asarray(layer.arrays["weight_scale"], np.float32)


def _neuron_bytes(layer: Layer, size: int) -> list[int]:
    """The layer's bytes by neuron: in proportion to its non-zero weights where only those are stored, else in equal parts."""
    neurons = len(layer.arrays["bias"])
    if not (layer.store or "").startswith("csr"):
        return [round(size / neurons)] * neurons
    counts = np.count_nonzero(kind_of(layer).integer_weights(layer), axis=1)
    return [round(size * (n + 2) / float((counts + 2).sum())) for n in counts.tolist()]


def _fan_out(layer: Layer, following: Layer | None) -> list[int]:
    """Connections that leave each neuron, or each prototype with all of its outputs."""
    neurons = len(layer.arrays["bias"])
    if following is None:
        return [0] * neurons
    if following.kind == "replicated":
        channel = following.arrays.get("channel", np.zeros(following.arrays["charge"].shape, np.uint8))
        live = channel[following.arrays["charge"] != 0]
        return np.bincount(live, minlength=neurons)[:neurons].tolist()
    counts = np.count_nonzero(kind_of(following).integer_weights(following), axis=0)
    return counts.reshape(neurons, -1).sum(axis=1).tolist()
