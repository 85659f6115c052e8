"""Input codings: what the first layer reads at each time step.

``direct``: the input values themselves at every step, so the first layer's current is the same in all of them and computed once.
``latency``: an input spikes once, the earlier the larger it is: byte u >= 3 at step ((255 - u) * (steps - 1) + 127) // 255, counted from 0 (what
snnTorch's spikegen.latency does with linear, normalize and clip).
``rate``: input i spikes at step t where its byte is above r(t, i), so with probability u / 256. The r are the bytes of one pseudo-random sequence,
Marsaglia's xorshift32 (13, 17, 5) from SEED, the same for every sample and backend: four inputs take the bytes of one draw, low byte first.
"""

from __future__ import annotations

import functools

import numpy as np

from devices.errors import InputError
from runtime.network.network import Array, InputSpec
from runtime.network.spiking.constants import Spiking

SEED = 2463534242
DRAWS_MAX = 2**24  # bytes of the sequence, one after the other
LATENCY_FIRST = 3  # the smallest byte that spikes


def check_coding(spec: InputSpec, spiking: Spiking, where: str) -> None:
    """InputError where the coding cannot express the input."""
    if spiking.coding != "direct" and (spec.zero_point or spec.cut):
        reason = f"byte {spec.zero_point} means 0" if spec.zero_point else f"the input is cut by {spec.cut} bits"
        raise InputError(
            f"{where}: coding '{spiking.coding}' turns bytes into spikes, more for larger ones, but {reason}. "
            "Allowed: coding 'direct', or data whose byte 0 means 0, with 8 input bits."
        )

    if spiking.coding == "rate" and spiking.steps * spec.size > DRAWS_MAX:
        raise InputError(
            f"{where}: coding 'rate' draws a number for every input and step, {spiking.steps * spec.size:,} of them; allowed: {DRAWS_MAX:,}. "
            "Take fewer steps, or coding 'direct' or 'latency'."
        )


def encode(u: Array, spiking: Spiking) -> Array:
    """Bytes (n, inputs) to the spikes (steps, n, inputs), uint8 of 0 and 1, of coding ``rate`` or ``latency``."""
    return np.stack([encode_step(u, spiking, t) for t in range(spiking.steps)])


def encode_step(u: Array, spiking: Spiking, t: int) -> Array:
    """The spikes (n, inputs) of step t alone, counted from 0."""
    if spiking.coding == "latency":
        at = ((255 - u.astype(np.int32)) * (spiking.steps - 1) + 127) // 255
        return np.asarray((at == t) & (u >= LATENCY_FIRST), np.uint8)
    if spiking.coding == "rate":
        return np.asarray(u > limits(spiking.steps, u.shape[1])[t], np.uint8)
    raise InputError(f"coding '{spiking.coding}' has no spikes to make. Allowed: rate, latency.")


@functools.lru_cache(maxsize=8)
def limits(steps: int, inputs: int) -> Array:
    """(steps, inputs) uint8: r of coding ``rate``."""
    words = -(-inputs // 4)
    draws = np.empty(steps * words, "<u4")
    x = SEED
    for k in range(len(draws)):
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        draws[k] = x
    thresholds = draws.view(np.uint8).reshape(steps, 4 * words)[:, :inputs]
    thresholds.flags.writeable = False
    return thresholds
