"""For every storage format random networks with layers that it can hold, as the tests of formats and the fits of their costs need them.

A format is not told which sort it takes: it is shown some networks of each, in this order, and gets the first sort of which it holds a layer in all. So a
format of any weights, of small ones, of rectangles, positions or spikes is at home here; one that holds something new adds its sort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.support.networks import box_network, integer_network, replicated_network, spatial_network, spiking_integers, spiking_network
from compile.formats import FORMATS, Format
from compile.formats.base import with_zero_point
from runtime.network.network import Network

PROBES = range(6)  # seeds of the networks that formats are shown


def matrices(rng: np.random.Generator, seed: int) -> Network:
    """Four layers of 1 to 900 inputs and 1 to 200 neurons, of any density, with small and odd shapes well represented."""
    sizes = tuple(int(np.exp(rng.uniform(0, np.log(limit)))) for limit in (900, 64, 200, 40, 20))
    return integer_network(sizes, float(rng.uniform(0.02, 1.0)), seed=seed, zero_point=int(rng.integers(0, 2)) * 9)


def boxes(rng: np.random.Generator, seed: int, line: bool = False, largest: int = 7, odd: bool = False) -> Network:
    """A layer of rectangles on a grid, or on one ``line``, and dense ones with weights of -largest..largest, or with odd ones."""
    grid = (int(rng.integers(2, 30)), int(rng.integers(2, 30)))
    if line:
        grid = (1, int(rng.integers(2, 200)))
    neurons, middle, classes = (int(np.exp(rng.uniform(0, np.log(limit)))) for limit in (200, 40, 20))
    return box_network(grid, neurons, int(rng.integers(1, 9)), classes, seed, middle=middle, largest=largest, odd=odd)


def stretches(rng: np.random.Generator, seed: int) -> Network:
    """Rectangles on a grid of one row."""
    return boxes(rng, seed, line=True)


def ternary(rng: np.random.Generator, seed: int) -> Network:
    """Weights of -1, 0 and 1."""
    return boxes(rng, seed, largest=1)


def odd(rng: np.random.Generator, seed: int) -> Network:
    """Weights of -3, -1, 1 and 3."""
    return boxes(rng, seed, largest=3, odd=True)


def prototypes(rng: np.random.Generator, seed: int) -> Network:
    """One replicated layer, of any geometry, on 1 to 16 maps; prototypes and synapses fewer where there are many positions."""
    grid, channels = (int(rng.integers(3, 29)), int(rng.integers(3, 29))), int(np.exp(rng.uniform(0, np.log(17))))
    kernel = tuple(int(rng.integers(1, min(11, size) + 1)) for size in grid)
    sizes = {name: (int(rng.integers(1, high)), int(rng.integers(1, high))) for name, high in (("stride", 4), ("pool", 4))}
    padding = tuple(int(rng.integers(0, size)) for size in kernel)
    if seed % 3 == 2:
        sizes |= {"pool": (2 ** int(rng.integers(0, 3)), 2 ** int(rng.integers(1, 3)))}
    counts = {
        "pooling": "average" if seed % 3 == 2 else "max",
        "prototypes": int(np.exp(rng.uniform(0, np.log(24)))),
        "synapses": int(np.exp(rng.uniform(0, np.log(13)))),
    }
    return replicated_network(grid, channels, ({**counts, **sizes, "kernel": kernel, "padding": padding},), seed=seed)


def positions(rng: np.random.Generator, seed: int) -> Network:
    """Three layers of positions with two or three axes, half of them cut at a distance."""
    sizes = tuple(int(np.exp(rng.uniform(0, np.log(limit)))) for limit in (400, 64, 100, 20))
    axes, cut_share = 2 + int(rng.random() < 0.2), float(rng.choice((0.0, rng.uniform(0.1, 0.95))))
    return spatial_network(sizes, axes, cut_share, seed=seed)


def spikes(rng: np.random.Generator, seed: int) -> Network:
    """Three layers whose neurons spike; the first reads values, the others spikes."""
    sizes = tuple(int(rng.integers(low, high)) for low, high in ((1, 60), (1, 40), (1, 40), (2, 14)))
    return spiking_integers(spiking_network("dense", sizes, seed), seed)


SORTS: tuple[Callable[[np.random.Generator, int], Network], ...] = (matrices, boxes, stretches, ternary, odd, prototypes, positions, spikes)


def network_for(item: Format, rng: np.random.Generator, seed: int) -> Network:
    """A random integer network of the first sort of which the format can hold a layer; ``with_format`` stores it."""
    for sort in SORTS:
        if all(_holds_a_layer(item, sort(np.random.default_rng(probe), probe)) for probe in PROBES):
            return sort(rng, seed)
    raise ValueError(f"no network of bench/support/formats.py has a layer for format '{item.name}'; add its sort to SORTS there")


def _holds_a_layer(item: Format, network: Network) -> bool:
    return any(item.refuses(layer) is None for layer in network.layers)


def with_format(network: Network, name: str) -> Network:
    """The stored network, without asking the board what it costs: layers that the format cannot hold have the first that can."""
    layers = [
        replace(layer, store=next(n for n in (name, *FORMATS) if FORMATS[n].refuses(layer) is None)) for layer in with_zero_point(network).layers
    ]
    return network.with_layers(tuple(layers), "stored")
