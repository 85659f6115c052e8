"""The reference interpreter: what a network computes, in numpy. Integer networks are exact and are the law for every backend.

``trace`` returns every layer's output, ``scores`` the last one, ``labels`` the first largest score.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from devices.errors import InputError
from runtime.network.kinds import kind_of
from runtime.network.law import requantise
from runtime.network.network import Array, Network
from runtime.network.spiking import floating, integers

BATCH = 1000  # samples at a time: bounds the memory, changes no result
VALUES = 2**27  # of a batch, where a sample becomes very many


def check_samples(network: Network, samples: Array) -> Array:
    """(n, inputs) uint8 view of ``samples`` of shape (n, *input shape) or (n, inputs); InputError for any other shape or type."""
    shape = network.input.shape
    if samples.ndim < 2 or (samples.shape[1:] != shape and samples.shape[1:] != (network.input.size,)):
        raise InputError(f"samples have shape {samples.shape}; the network reads (n, {', '.join(map(str, shape))}) or (n, {network.input.size}).")
    if samples.dtype != np.uint8:
        raise InputError(f"samples are {samples.dtype}; the network reads uint8. Convert real values with network.input.to_bytes.")
    return samples.reshape(len(samples), network.input.size)


def trace(network: Network, samples: Array) -> list[Array]:
    """Outputs of every layer for uint8 samples (n, inputs): float32, or bytes and, for the last layer, int64 scores in int32's range.

    A spiking layer's output is its neurons' mean spikes a time step that is run, the last one's its read-out.
    """
    flat = check_samples(network, samples)
    sums = [kind_of(layer).integer_sums(layer) if network.is_integer else kind_of(layer).float_sums(layer) for layer in network.layers]
    values = max(kind_of(layer).sample_values(layer) for layer in network.layers) * (network.spiking.steps if network.spiking else 1)
    batch = min(BATCH, max(1, VALUES // values))
    parts = [_trace_batch(network, flat[at : at + batch], sums) for at in range(0, max(len(flat), 1), batch)]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def scores(network: Network, samples: Array) -> Array:
    """(n, outputs) scores of the last layer."""
    return trace(network, samples)[-1]


def labels(network: Network, samples: Array) -> Array:
    """(n,) index of the first largest score."""
    return scores(network, samples).argmax(axis=1)


def accuracy(network: Network, samples: Array, truth: Array) -> float:
    """Share of the samples whose label is the true one."""
    return float((labels(network, samples) == truth).mean())


def _trace_batch(network: Network, flat: Array, sums: list[Callable[..., Array]]) -> list[Array]:
    if network.spiking is not None:
        return (integers if network.is_integer else floating).trace(network, flat, sums)
    outputs: list[Array] = []
    value = network.input.seen(flat) if network.is_integer else network.input.to_real(flat)
    zero_point = network.input.zero_point
    for layer, layer_sums in zip(network.layers, sums, strict=True):
        if network.is_integer:
            value = layer_sums(value, zero_point)
            zero_point = 0
            if layer.activation == "relu":
                value = kind_of(layer).pooled(layer, requantise(value, kind_of(layer).shifts(layer)))
        else:
            value = layer_sums(value)
            if layer.activation == "relu":
                value = kind_of(layer).pooled(layer, np.maximum(value, 0))
        outputs.append(value)
    return outputs
