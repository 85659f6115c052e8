"""Spiking networks: what the activation ``lif`` computes, in numpy and float32, and what a file says about it.

A leaky integrate-and-fire neuron holds a membrane potential m over the time steps t = 1..steps, starting at m_0 = 0 and z_0 = 0:

    m_t = beta * m_(t-1) + current_t - threshold * z_(t-1)      reset ``subtract``
    m_t = beta * m_(t-1) * (1 - z_(t-1)) + current_t            reset ``zero``
    z_t = 1 where m_t > threshold, else 0                       the spike, which is what the next layer reads

(snnTorch's ``Leaky`` with its usual delayed reset.) A layer's current is its ordinary sums. Coding ``direct``: the input values themselves are
read at every step, so the first layer's current is the same in all of them and computed once. Read-out of the last layer's neurons: ``count``,
the number of spikes, or ``membrane``, the mean of m_t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from devices.errors import InputError, unknown_name

if TYPE_CHECKING:
    from runtime.network import Array

RESETS = ("subtract", "zero")
CODINGS = ("direct",)
READOUTS = ("count", "membrane")


@dataclass(frozen=True)
class Spiking:
    """The constants of a spiking network's neurons and of its time."""

    steps: int = 10
    beta: float = 0.95  # share of the membrane potential that is left after a step
    threshold: float = 1.0  # membrane units, which are those of the currents
    reset: str = "subtract"
    coding: str = "direct"
    readout: str = "membrane"

    def check(self, where: str) -> None:
        """InputError naming the field, what was found and what is allowed."""
        for name, value, known in (("reset", self.reset, RESETS), ("coding", self.coding, CODINGS), ("readout", self.readout, READOUTS)):
            if value not in known:
                raise unknown_name(f"{name} of spiking {where}", value, known)
        if not 1 <= self.steps <= 1000 or not 0 <= self.beta <= 1 or not self.threshold > 0:
            raise InputError(
                f"{where}: {self.steps} time steps, beta {self.beta}, threshold {self.threshold}. Allowed: 1..1000 steps, beta 0..1, threshold > 0."
            )


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


def trace(value: Array, sums: list[Callable[[Array], Array]], spiking: Spiking) -> list[Array]:
    """Mean spikes a step (n, neurons) of every layer but the last, and the last one's read-out, for real input values (n, inputs)."""
    outputs: list[Array] = []
    samples, current = len(value), sums[0](value)
    for k, layer_sums in enumerate(sums):
        if k:
            current = layer_sums(value).reshape(spiking.steps, samples, -1)
        spikes, membranes = lif(current, spiking, steady=k == 0)
        value = spikes.reshape(spiking.steps * samples, -1)
        outputs.append(spikes.mean(0))
    outputs[-1] = spikes.sum(0) if spiking.readout == "count" else membranes.mean(0)
    return outputs
