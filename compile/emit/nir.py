"""``model.nir``: a spiking network as a graph of the Neuromorphic Intermediate Representation, which snnTorch, Norse, Lava and others read.

    input -> LAYER (Affine: weights, bias) -> LAYER_lif (LIF) -> next layer ... -> output: the last layer's spikes

NIR's neurons are differential equations; a reader takes Euler steps of dt. LIF: tau dv/dt = -v + r I, v := 0 behind a spike, so

    v_t = (1 - dt / tau) v_(t-1) + (r dt / tau) I_t        tau = dt / (1 - beta) and r = tau / dt give  beta v_(t-1) + I_t

tau of beta = 1 would be infinite; it is dt * 2**30, whose 1 - dt / tau is 1 in float32. ``DT`` is the step that other tools assume.

NIR has no word for dt, for the reset by subtraction, for coding and for read-out. What it cannot say is in the graph's metadata (and each LIF's).
Reset ``zero`` is the LIF node's own reset: our membranes show the step before it, the spikes are the same. Reset ``subtract`` is not, so a reader
must take it from the metadata (snnTorch: ``reset_mechanism="subtract", reset_delay=True``); or, with ``explicit_reset``, the graph says it itself:

    LAYER -> LAYER_li (LI) -> LAYER_threshold (Threshold) -> LAYER_reset (Linear, -threshold on its diagonal) -> LAYER_li, one step later

An integer network is written as real numbers in units of its membrane steps: weights times a power of two, bias, threshold, decay / 2**15. Its
rounding of currents and membranes is not in the graph, so a few of its spikes may move.
"""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compile.emit.common.numbers import properties
from devices.common.files import write_whole
from devices.errors import InputError, NearwireError
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking.constants import Spiking

FILE = "model.nir"
DT = 1e-4  # seconds a time step
ENDLESS = 2.0**30  # time steps: tau of beta = 1


@dataclass(frozen=True)
class Neurons:
    """One layer in real numbers. The membrane's unit is the current's."""

    layer: Layer
    weights: Array  # float32 (outputs, inputs): current a unit of the input, which is a real value or a spike
    bias: Array  # float32 (outputs,)
    beta: float  # share of the membrane that is left after a step
    threshold: float


def emit(network: Network, folder: Path) -> None:
    """Write ``folder/model.nir``: the same bytes for the same network."""
    write(network, folder / FILE)


def write(network: Network, path: Path, dt: float = DT, explicit_reset: bool = False) -> None:
    """Write the file whole or not at all. InputError for a network that does not spike, NearwireError without the package nir."""
    write_whole(path, to_bytes(network, dt, explicit_reset))


def to_bytes(network: Network, dt: float = DT, explicit_reset: bool = False) -> bytes:
    """The file's content (HDF5)."""
    nir = _nir()
    memory = io.BytesIO()
    nir.write(memory, graph(network, dt, explicit_reset))
    return memory.getvalue()


def graph(network: Network, dt: float = DT, explicit_reset: bool = False) -> Any:
    """The ``nir.NIRGraph``. dt: seconds a time step."""
    nir = _nir()
    if network.spiking is None:
        raise InputError("the network does not spike; NIR describes spiking networks. Train one with activation lif ('--spiking').")
    if not (np.isfinite(dt) and dt > 0):
        raise InputError(f"a time step of {dt} s. Allowed: a finite number above 0.")
    nodes: dict[str, Any] = {"input": nir.Input(np.array([network.input.size]))}
    edges: list[tuple[str, str]] = []
    before = "input"
    for part in neurons(network):
        name, size = part.layer.name, part.layer.outputs
        if name in ("input", "output"):
            raise InputError(f"layer '{name}' has a name that the graph uses itself. Rename it.")
        nodes[name] = nir.Affine(part.weights, part.bias)
        edges.append((before, name))
        tau = np.full(size, dt * ENDLESS if part.beta == 1 else dt / (1 - part.beta))
        facts = {"beta": part.beta, "threshold": part.threshold, "reset": network.spiking.reset, "dt": dt, "kind": part.layer.kind}
        threshold, leak = np.full(size, part.threshold), np.zeros(size)
        if explicit_reset and network.spiking.reset == "subtract":
            nodes[f"{name}_li"] = nir.LI(tau, tau / dt, leak, metadata=facts)
            nodes[f"{name}_threshold"] = nir.Threshold(threshold)
            nodes[f"{name}_reset"] = nir.Linear(np.diag(-threshold))
            loop = [f"{name}_li", f"{name}_threshold", f"{name}_reset", f"{name}_li"]
            edges += [(name, f"{name}_li"), *itertools.pairwise(loop)]
            before = f"{name}_threshold"
        else:
            nodes[f"{name}_lif"] = nir.LIF(tau, tau / dt, leak, threshold, np.zeros(size), metadata=facts)
            edges.append((name, f"{name}_lif"))
            before = f"{name}_lif"
    nodes["output"] = nir.Output(np.array([network.layers[-1].outputs]))
    edges.append((before, "output"))
    facts = {**properties(network), "dt": repr(dt), "reset_in_graph": str(explicit_reset or network.spiking.reset == "zero").lower()}
    facts["output"] = "spikes of the last layer; see readout"
    return nir.NIRGraph(nodes, edges, facts)


def neurons(network: Network) -> list[Neurons]:
    """The layers of a spiking network in real numbers; InputError for a layer that is no matrix."""
    spiking = network.spiking
    if spiking is None:
        raise InputError("the network does not spike.")
    layers = []
    for k, layer in enumerate(network.layers):
        kind = kind_of(layer)
        if not kind.matrix:
            raise InputError(f"layer '{layer.name}' is of kind '{layer.kind}', which is no matrix of weights; it cannot be written as NIR.")
        bias = layer.arrays["bias"]
        if network.is_integer:
            bits = _bits(layer, k == 0 and spiking.coding == "direct")
            scale = np.ldexp(1.0, bits)
            step = network.input.step if k == 0 and spiking.coding == "direct" else 1.0
            weights = kind.integer_weights(layer) * scale[:, None] / step
            layers.append(_layer(layer, weights, bias * scale, int(layer.options["decay"]) / 2**15, layer.options["threshold"]))
        else:
            layers.append(_layer(layer, kind.weights(layer), bias, *_constants(layer, spiking)))
    return layers


def _bits(layer: Layer, direct: bool) -> Array:
    """(outputs,) int: the power of two from a sum to membrane steps."""
    return -layer.arrays["shift"].astype(np.int64) if direct else np.full(layer.outputs, int(layer.options["lift"]))


def _constants(layer: Layer, spiking: Spiking) -> tuple[float, float]:
    """beta and threshold of a float layer: its own, else the network's."""
    return float(layer.options.get("beta", spiking.beta)), float(layer.options.get("threshold", spiking.threshold))


def _layer(layer: Layer, weights: Array, bias: Array, beta: float, threshold: float) -> Neurons:
    return Neurons(layer, np.asarray(weights, np.float32), np.asarray(bias, np.float32), float(beta), float(threshold))


def described(network: Network) -> list[dict[str, Any]]:
    """A row a layer, for people: what was written."""
    return [
        {"layer": part.layer.name, "neurons": part.layer.outputs, "inputs": part.layer.inputs, "beta": part.beta, "threshold": part.threshold}
        for part in neurons(network)
    ]


def metadata(nir_graph: Any) -> dict[str, Any]:
    """The words of a graph that was read, texts of JSON decoded: classes, input_shape and the numbers."""
    decoded = {}
    for name, value in nir_graph.metadata.items():
        try:
            decoded[name] = json.loads(value)
        except (ValueError, TypeError, RecursionError):  # a text that is no JSON, or what another tool wrote
            decoded[name] = value
    return decoded


def _nir() -> Any:
    try:
        import nir
    except ImportError as error:
        raise NearwireError(f"writing {FILE} needs the package nir ({error}). Install it: pip install 'nearwire[nir]'.") from error
    return nir
