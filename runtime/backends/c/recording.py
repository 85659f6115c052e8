"""Every spike of the C code: how a build is compiled to keep them (runtime/firmware/record.h), and the rows it writes as arrays."""

from __future__ import annotations

import numpy as np

from devices.errors import InputError
from runtime.network.network import Array, Network

HEADER = "record.h"


def row_bytes(network: Network) -> int:
    """Bytes of a row: the neurons of the widest layer."""
    return max(layer.outputs for layer in network.layers)


def record_bytes(network: Network) -> int:
    """Bytes of the rows of one inference; InputError for a network that does not spike."""
    if network.spiking is None:
        raise InputError("the network does not spike: there are no spikes to tell.")
    return network.spiking.steps * len(network.layers) * row_bytes(network)


def record_flags(network: Network) -> tuple[str, ...]:
    """What the compiler is told."""
    return (f"-DNEARWIRE_RECORD={row_bytes(network)}",)


def layer_spikes(record: Array, network: Network) -> list[Array]:
    """A layer: (steps, n, neurons) uint8 of 0 and 1, from the rows of n inferences, (n, record_bytes) uint8."""
    steps = 0 if network.spiking is None else network.spiking.steps
    rows = record.reshape(len(record), steps, len(network.layers), row_bytes(network))
    return [np.ascontiguousarray(rows[:, :, k, : layer.outputs].transpose(1, 0, 2)) for k, layer in enumerate(network.layers)]
