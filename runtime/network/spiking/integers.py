"""The integer law of spiking networks, which every backend must reproduce spike for spike.

Each layer has one threshold and one decay B = round(beta * 2**15), its options; weights in -63..63 and an int32 bias, as any integer layer.

    current_j = clamp((acc_j + 2**(s_j - 1)) >> s_j, -2**15, 2**15 - 1)     first layer under coding ``direct``; the same in every step
    current_j = acc_j << lift                                              a layer that reads spikes; acc_j: bias and the weights of those that came
    r         = threshold where m_(t-1) > threshold, else 0
    m_t       = clamp(((m_(t-1) * B + 2**14) >> 15) + current - r, -2**15, 2**15 - 1)            reset ``subtract``
    m_t       = clamp((((0 if m_(t-1) > threshold else m_(t-1)) * B + 2**14) >> 15) + current, ...)   reset ``zero``
    z_t       = m_t > threshold

acc, s_j and >> are those of runtime/network/law.py. A membrane is 16 bits, so that decay is one 16 x 16 -> 32 bit multiplication on any core; it starts
at 0 and is the neuron's whole state. Scores and early exit: runtime/network/spiking/readout.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from devices.errors import InputError
from runtime.network.kinds import kind_of
from runtime.network.law import accumulator_bound
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking import coding, readout
from runtime.network.spiking.constants import FRACTION, LIFT_MAX, THRESHOLD_MAX, Spiking

MEMBRANE_MIN, MEMBRANE_MAX = -(2**15), 2**15 - 1
CURRENT_MAX = 2**30  # |acc << lift| that leaves room for the membrane


@dataclass(frozen=True)
class Trace:
    """What every neuron did: a list entry a layer. Steps behind an early exit are there too, as if it had not been taken."""

    spikes: list[Array]  # (steps, n, neurons) uint8 of 0 and 1
    membranes: list[Array]  # (steps, n, neurons) int16
    executed: Array  # (n,) steps that are run
    scores: Array  # (n, classes) int64, after those


def decay_of(beta: float) -> int:
    """B: 0..2**15."""
    return round(beta * (1 << FRACTION))


def lif_step(membrane: Array, current: Array, decay: int, threshold: int, reset: str) -> tuple[Array, Array]:
    """(membrane', spike): one step of int64 membranes and currents of any equal shape; the spikes are bool."""
    moved = np.clip(unclamped(membrane, current, decay, threshold, reset), MEMBRANE_MIN, MEMBRANE_MAX)
    return moved, moved > threshold


def unclamped(membrane: Array, current: Array, decay: int, threshold: int, reset: str) -> Array:
    """Where the membranes of ``lif_step`` go before they are held in 16 bits."""
    fired = membrane > threshold
    kept = np.where(fired, 0, membrane) if reset == "zero" else membrane
    moved = ((kept * decay + (1 << (FRACTION - 1))) >> FRACTION) + current
    return moved - np.where(fired, threshold, 0) if reset == "subtract" else moved


def steady_currents(layer: Layer, accumulators: Array) -> Array:
    """(n, neurons) int64 currents of the first layer under coding ``direct``."""
    s = layer.arrays["shift"].astype(np.int64)
    return np.clip((accumulators + (np.int64(1) << (s - 1))) >> s, MEMBRANE_MIN, MEMBRANE_MAX)


def run(network: Network, u: Array, sums: list[Callable[[Array, int], Array]] | None = None) -> Trace:
    """All layers over all steps, for bytes (n, inputs)."""
    spiking = spiking_of(network)
    sums = sums or [kind_of(layer).integer_sums(layer) for layer in network.layers]
    n, direct = len(u), spiking.coding == "direct"
    value = network.input.seen(u) if direct else coding.encode(u, spiking).reshape(spiking.steps * n, -1)
    all_spikes, all_membranes = [], []
    for k, (layer, layer_sums) in enumerate(zip(network.layers, sums, strict=True)):
        accumulators = layer_sums(value, network.input.zero_point if k == 0 and direct else 0)
        steady = k == 0 and direct
        current = steady_currents(layer, accumulators) if steady else (accumulators << int(layer.options["lift"])).reshape(spiking.steps, n, -1)
        spikes, membranes = integer_lif(layer, current, spiking, steady)
        value = spikes.reshape(spiking.steps * n, -1)
        all_spikes.append(spikes)
        all_membranes.append(membranes)
    scores = readout.running(all_spikes[-1], all_membranes[-1], spiking)
    executed = readout.executed(scores, spiking)
    return Trace(all_spikes, all_membranes, executed, scores[executed - 1, np.arange(n)])


def integer_lif(layer: Layer, current: Array, spiking: Spiking, steady: bool) -> tuple[Array, Array]:
    """Spikes (uint8) and membranes (int16), (steps, n, neurons) each, of currents (n, neurons), if ``steady``, or (steps, n, neurons)."""
    shape = current.shape if steady else current.shape[1:]
    spikes, membranes = np.empty((spiking.steps, *shape), np.uint8), np.empty((spiking.steps, *shape), np.int16)
    decay, threshold = int(layer.options["decay"]), int(layer.options["threshold"])
    membrane = np.zeros(shape, np.int64)
    for t in range(spiking.steps):
        membrane, spike = lif_step(membrane, current if steady else current[t], decay, threshold, spiking.reset)
        spikes[t], membranes[t] = spike, membrane
    return spikes, membranes


def trace(network: Network, u: Array, sums: list[Callable[[Array, int], Array]]) -> list[Array]:
    """Mean spikes an executed step (n, neurons) of every layer but the last, and the scores."""
    activity = run(network, u, sums)
    live = (np.arange(spiking_of(network).steps)[:, None] < activity.executed)[..., None]
    return [*((spikes * live).sum(0) / activity.executed[:, None] for spikes in activity.spikes[:-1]), activity.scores]


def spiking_of(network: Network) -> Spiking:
    """The network's constants; InputError if it has none."""
    if network.spiking is None:
        raise InputError("the network does not spike: its layers have activation relu.")
    return network.spiking


def check_layer(layer: Layer, steady: bool, where: str) -> None:
    """InputError unless an integer layer of a spiking network has its options and stays within the law. ``steady``: the first, coding ``direct``."""
    at = f"{where}: layer '{layer.name}'"
    limits = {"threshold": (1, THRESHOLD_MAX), "decay": (0, 1 << FRACTION), **({} if steady else {"lift": (0, LIFT_MAX)})}
    for name, (low, high) in limits.items():
        value = layer.options.get(name)
        if not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{at}: option '{name}' is {value!r}; a spiking integer layer needs a whole number {low}..{high}.")
    if steady != ("shift" in layer.arrays):
        raise InputError(f"{at}: a 'shift' array is there exactly in the first layer under coding 'direct'. It is damaged.")
    if not steady:
        bound = largest_sum(layer, CURRENT_MAX >> int(layer.options["lift"])) << int(layer.options["lift"])
        if bound >= CURRENT_MAX:
            raise InputError(f"{at}: currents up to {bound} leave no room for the membrane; allowed: below {CURRENT_MAX}.")


def largest_sum(layer: Layer, enough: int) -> int:
    """The largest |accumulator| that spikes can cause, or a bound on it that is below ``enough``: then no matrix is made."""
    bound = layer.inputs * kind_of(layer).largest_weight(layer) + int(np.abs(layer.arrays["bias"].astype(np.int64)).max(initial=0))
    if bound < enough:
        return bound
    at, largest = 0, 0
    for tile in kind_of(layer).integer_tiles(layer):
        largest = max(largest, accumulator_bound(tile, layer.arrays["bias"][at : at + len(tile)], 0, 1))
        at += len(tile)
    return largest


def silent_limit(decay: int, threshold: int, steps: int) -> int:
    """The smallest constant current with which a neuron spikes within ``steps`` steps: one below it can be left alone. 2**15 if none does.

    A step is monotone in membrane and current, so the membranes are, and bisection finds it.
    """

    def spikes(current: int) -> bool:
        m = 0
        for _ in range(steps):
            m = min(((m * decay + (1 << (FRACTION - 1))) >> FRACTION) + current, MEMBRANE_MAX)
            if m > threshold:
                return True
        return False

    low, high = 0, MEMBRANE_MAX + 1  # ``low`` never spikes, ``high`` is taken to
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if spikes(middle) else (middle, high)
    return high
