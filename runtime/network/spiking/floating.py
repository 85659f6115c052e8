"""Leaky integrate-and-fire neurons in numpy and float32.

A neuron holds a membrane potential m over the time steps t = 1..steps, starting at m_0 = 0 and z_0 = 0:

    m_t = beta * m_(t-1) + current_t - threshold * z_(t-1)      reset ``subtract``
    m_t = beta * m_(t-1) * (1 - z_(t-1)) + current_t            reset ``zero``
    z_t = 1 where m_t > threshold, else 0                       the spike, which is what the next layer reads

(snnTorch's ``Leaky`` with its usual delayed reset.) A layer's current is its ordinary sums. Each layer has one beta and one threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from runtime.network.network import Array, Layer, Network
from runtime.network.spiking import coding, readout
from runtime.network.spiking.constants import Spiking


def beta_of(layer: Layer, spiking: Spiking) -> float:
    """The share of a float layer's membrane potentials that is left after a step."""
    return float(layer.options.get("beta", spiking.beta))


def threshold_of(layer: Layer, spiking: Spiking) -> float:
    """The threshold of a float layer, in units of its currents."""
    return float(layer.options.get("threshold", spiking.threshold))


@dataclass(frozen=True)
class FloatTrace:
    """What every neuron did: a list entry a layer."""

    spikes: list[Array]  # (steps, n, neurons) float32 of 0 and 1
    membranes: list[Array]  # (steps, n, neurons) float32
    scores: Array  # (n, classes)


def lif(current: Array, spiking: Spiking, steady: bool) -> tuple[Array, Array]:
    """Spikes and membrane potentials, (steps, n, neurons) float32 each, of currents (n, neurons), if ``steady``, or (steps, n, neurons)."""
    shape = current.shape if steady else current.shape[1:]
    spikes, membranes = (np.zeros((spiking.steps, *shape), np.float32) for _ in range(2))
    membrane, spike = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for t in range(spiking.steps):
        if spiking.reset == "zero":
            membrane = membrane * (1 - spike)
        membrane = np.float32(spiking.beta) * membrane + (current if steady else current[t])
        if spiking.reset == "subtract":
            membrane = membrane - np.float32(spiking.threshold) * spike
        spike = (membrane > spiking.threshold).astype(np.float32)
        spikes[t], membranes[t] = spike, membrane
    return spikes, membranes


def run(network: Network, u: Array, sums: list[Callable[[Array], Array]]) -> FloatTrace:
    """All layers over all steps, for bytes (n, inputs). ``sums``: each layer's ordinary sums."""
    spiking = network.spiking or Spiking()
    direct = spiking.coding == "direct"
    value = network.input.to_real(u) if direct else coding.encode(u, spiking).reshape(-1, u.shape[1]).astype(np.float32)
    all_spikes, all_membranes = [], []
    for k, (layer, layer_sums) in enumerate(zip(network.layers, sums, strict=True)):
        steady = k == 0 and direct
        current = layer_sums(value)
        own = replace(spiking, beta=beta_of(layer, spiking), threshold=threshold_of(layer, spiking))
        spikes, membranes = lif(current if steady else current.reshape(spiking.steps, len(u), -1), own, steady)
        value = spikes.reshape(spiking.steps * len(u), -1)
        all_spikes.append(spikes)
        all_membranes.append(membranes)
    scores = readout.running(all_spikes[-1], all_membranes[-1], spiking)[-1]
    return FloatTrace(all_spikes, all_membranes, scores / spiking.steps if spiking.readout == "membrane" else scores.astype(np.float32))


def trace(network: Network, u: Array, sums: list[Callable[[Array], Array]]) -> list[Array]:
    """Mean spikes a step (n, neurons) of every layer but the last, and the scores, for bytes (n, inputs)."""
    activity = run(network, u, sums)
    return [*(spikes.mean(0) for spikes in activity.spikes[:-1]), activity.scores]
