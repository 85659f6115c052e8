"""What the map draws, layer by layer: where each neuron's synapses are, what they weigh, what leaves the neuron, and what it costs.

Positions and weights are those of the stored network, integers; arrays are bytes in base64 (``runtime.report.page.packed``). A layer's kind says which
form it has (compile/kinds); the page has a view a form:

- ``boxes``: rectangles ``edges`` with a ``charge`` (and the ``channel`` they read) over a grid; ``area`` is the grid or the kernel.
- ``weights``: one int8 a connection, drawn in the arrangement that the layer's inputs have.
- ``space``: the spatial layers that a network begins with: positions of both sides; the signs of the senders; ``web``: connections that are drawn where no neuron is chosen, the shortest and some of every length, as pairs (receiver, sender).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compile.kinds import lowering_of
from compile.kinds.drawing import weight_strengths
from compile.report.prune_curve import PruneCurve
from compile.report.shapes import arrangement, in_space, runnable, threshold
from runtime.builds.manifest import Manifest
from runtime.network.kinds import kind_of
from runtime.network.network import Layer, Network
from runtime.report.page import packed
from runtime.report.words import short

STEPS = 100  # of the prune slider, percent
OFFERED = 30  # test samples to choose from
SPIKING = ("steps", "reset", "coding", "readout", "exit_lead")


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
    lowering, spatial = lowering_of(layer), in_space(network, index)
    order = np.sort(lowering.strengths(layer) if spatial or not kind_of(layer).positioned else weight_strengths(layer))
    least = [threshold(order, k / STEPS) for k in range(STEPS)]
    neurons = len(layer.arrays["bias"])
    record: dict[str, Any] = {
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
        record |= {name: layer.options.get(name) for name in ("threshold", "decay", "lift")}
    return record | (lowering.space(layer, main_axes(network)) if spatial else lowering.drawing(layer))


def main_axes(network: Network) -> list[list[float]]:
    """Two directions of the plane in which all positions of a network in space differ most: the same turn for every layer."""
    layers = [layer for layer in network.layers if kind_of(layer).positioned]
    relaxed = any(layer.options["gap_kind"] == "relaxed" for layer in layers)
    columns = layers[0].arrays["sender"].shape[1] - relaxed
    if columns <= 2:
        return np.eye(2, columns).tolist()
    parts = [layers[0].arrays["sender"], *(layer.arrays["receiver"] for layer in layers)]
    spread = sum(np.cov(part[:, :columns].astype(np.float64).T) for part in parts if len(part) > 1)
    vectors = np.linalg.eigh(spread)[1][:, :-3:-1].T
    turned = vectors * np.sign(vectors[np.arange(2), np.abs(vectors).argmax(axis=1)])[:, None]
    return np.round(turned, 4).tolist()


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
    return lowering_of(following).fan_out(following, neurons)
