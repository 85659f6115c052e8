"""Graphs that the package nir has read, run again by others: by snnTorch's importer, and by Euler steps of NIR's own equations."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import nir
import numpy as np
import snntorch
import torch
from snntorch.import_nir import import_from_nir

from compile.emit.nir import metadata


def by_snntorch(graph: nir.NIRGraph, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Spikes (steps, n, neurons) of every LIF node for inputs (steps, n, values), the reset taken from the metadata."""
    reset = metadata(graph)["reset"]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        module: Any = import_from_nir(graph)
    spikes: dict[str, list[np.ndarray]] = {}
    for name, neuron in list(module.named_children()):
        if not isinstance(neuron, snntorch.Leaky):
            continue
        if reset == "subtract":  # what NIR cannot say; snnTorch's importer assumes a reset to zero
            neuron = snntorch.Leaky(
                neuron.beta, float(neuron.threshold), reset_mechanism="subtract", init_hidden=True, surrogate_disable=True, reset_delay=True
            )
            setattr(module, name, neuron)
        spikes[name] = []
        neuron.register_forward_hook(lambda _m, _i, out, at=spikes[name]: at.append(out.detach().numpy().astype(np.uint8)))
    with torch.no_grad():
        for values in inputs:
            module(torch.as_tensor(values))
    return {name: np.stack(trains) for name, trains in spikes.items()}


def by_euler(graph: nir.NIRGraph, inputs: np.ndarray, dt: float) -> dict[str, np.ndarray]:
    """Outputs (steps, n, values) of every node; an edge that goes back carries the output of the step before."""
    before: dict[str, list[str]] = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
    order: list[str] = []
    while left := [name for name in graph.nodes if name not in order]:
        ready = [name for name in left if all(a in order for a in before[name])]
        order.append(ready[0] if ready else next(name for name in left if any(a in order for a in before[name])))
    value: dict[str, Any] = dict.fromkeys(graph.nodes, 0.0)
    state: dict[str, Any] = dict.fromkeys(graph.nodes, 0.0)
    outputs: dict[str, list[np.ndarray]] = {name: [] for name in graph.nodes}
    for step in inputs.astype(np.float64):
        for name in order:
            node, x = graph.nodes[name], sum((value[a] for a in before[name]), start=np.zeros(()))
            if isinstance(node, nir.Input):
                x = step
            elif isinstance(node, nir.Affine):
                x = x @ node.weight.T.astype(np.float64) + node.bias
            elif isinstance(node, nir.Linear):
                x = x @ node.weight.T if np.ndim(x) else 0.0
            elif isinstance(node, nir.LI | nir.LIF):
                v = state[name] + dt / node.tau * (node.v_leak - state[name] + node.r * x)
                x = v
                if isinstance(node, nir.LIF):
                    x = (v > node.v_threshold).astype(np.float64)
                    v = np.where(x > 0, node.v_reset, v)
                state[name] = v
            elif isinstance(node, nir.Threshold):
                x = (x > node.threshold).astype(np.float64)
            value[name] = x
            outputs[name].append(np.asarray(x))
    return {name: np.stack(trains) for name, trains in outputs.items()}
