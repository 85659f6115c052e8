"""What a spiking integer network does over a set of samples, under NeuroBench's names (Yik et al., "The NeuroBench framework", 2025).

In: an integer network and uint8 samples. Out: means over the samples, of one inference, exact, from the integer trace (integers.py):

- ``ConnectionSparsity``: share of the weights, of all layers together, that are 0. Weights that layers of positions imply count as weights.
- ``ActivationSparsity``: share of (neuron, executed step) pairs without a spike, of all layers together.
- ``SynapticOperations``: ``Dense``: weights times the times a layer's sums are computed; ``Effective_MACs`` and ``Effective_ACs``: those of them whose
  weight and input both differ from 0. Inputs of the first layer under coding ``direct`` are values, so it multiplies and accumulates (MAC), once an
  inference, because its sums are the same in every step; all other layers read spikes and accumulate (AC). Biases do not count.

Steps that an early exit leaves out do not count. Energy is an estimate from those operations: energy.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Network
from runtime.network.spiking import coding, integers

TRACE_BYTES = 64_000_000  # of one batch's spikes and membranes: bounds the memory, changes no result


@dataclass(frozen=True)
class LayerActivity:
    """A layer's means of one inference. ``silent``: neurons that spiked for none of the samples."""

    name: str
    neurons: int
    silent: int
    spikes: float
    firing: float  # spikes a neuron and executed step
    dense: float
    effective: float
    multiplies: bool  # MACs, else ACs


@dataclass(frozen=True)
class Metrics:
    """The network's means of one inference over ``samples``; ``spikes_max``: of one sample."""

    samples: int
    connection_sparsity: float
    activation_sparsity: float
    dense: float
    effective_macs: float
    effective_acs: float
    spikes: float
    spikes_max: int
    executed_steps: float
    layers: tuple[LayerActivity, ...]


def measure(network: Network, samples: Array) -> Metrics:
    """The metrics over uint8 samples (n, inputs), n >= 1."""
    spiking = integers.spiking_of(network)
    if len(samples) == 0:
        raise InputError("there is no sample to measure spikes with. Give at least one.")
    flat = samples.reshape(len(samples), -1)
    sums = [kind_of(layer).integer_sums(layer) for layer in network.layers]
    weights = [kind_of(layer).integer_weights(layer) for layer in network.layers]
    fan_out = [np.count_nonzero(w, axis=0) for w in weights]  # of each input
    direct = spiking.coding == "direct"
    widths = sum(3 * layer.outputs for layer in network.layers) + (0 if direct else network.input.size)
    batch = max(1, TRACE_BYTES // (spiking.steps * widths))
    fired = [np.zeros(layer.outputs, np.int64) for layer in network.layers]
    effective = [0] * len(network.layers)
    executed = spikes_max = 0
    for at in range(0, len(flat), batch):
        u = flat[at : at + batch]
        activity = integers.run(network, u, sums)
        live = (np.arange(spiking.steps)[:, None] < activity.executed)[..., None]
        executed += int(activity.executed.sum())
        if direct:
            arriving = (network.input.seen(u) != network.input.zero_point).astype(np.int64)
            effective[0] += int((arriving @ fan_out[0]).sum())
        else:
            effective[0] += int(((coding.encode(u, spiking) & live).sum((0, 1), dtype=np.int64) * fan_out[0]).sum())
        own = np.zeros(len(u), np.int64)
        for k, spikes in enumerate(activity.spikes):
            counts = (spikes & live).sum(0, dtype=np.int64)  # (n, neurons)
            fired[k] += counts.sum(0)
            own += counts.sum(1)
            if k + 1 < len(network.layers):
                effective[k + 1] += int((counts * fan_out[k + 1]).sum())
        spikes_max = max(spikes_max, int(own.max()))
    n = len(flat)
    layers = []
    for k, layer in enumerate(network.layers):
        once = k == 0 and direct
        layers.append(
            LayerActivity(
                name=layer.name,
                neurons=layer.outputs,
                silent=int((fired[k] == 0).sum()),
                spikes=float(fired[k].sum() / n),
                firing=float(fired[k].sum() / (executed * layer.outputs)),
                dense=float(weights[k].size * (1 if once else executed / n)),
                effective=effective[k] / n,
                multiplies=once,
            )
        )
    neurons = sum(layer.outputs for layer in network.layers)
    return Metrics(
        samples=n,
        connection_sparsity=1 - sum(int(np.count_nonzero(w)) for w in weights) / sum(w.size for w in weights),
        activation_sparsity=1 - sum(int(layer_counts.sum()) for layer_counts in fired) / (executed * neurons),
        dense=sum(layer.dense for layer in layers),
        effective_macs=sum(layer.effective for layer in layers if layer.multiplies),
        effective_acs=sum(layer.effective for layer in layers if not layer.multiplies),
        spikes=sum(layer.spikes for layer in layers),
        spikes_max=spikes_max,
        executed_steps=executed / n,
        layers=tuple(layers),
    )
