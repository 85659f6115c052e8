"""Surface ``network``: the header and the arrays of network files of every kind and form; what is accepted is run and, if it is trained, quantised."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.hostile.mutate import bytes_of, json_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from bench.support.networks import float_network, replicated_network, spiking_integers, spiking_network
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from runtime.network.file import load, to_bytes
from runtime.network.kinds import KINDS, kind_of
from runtime.network.network import Network
from runtime.network.reference import scores

VALUES_MAX = 2**18  # weights of a layer that is computed with here
NUMBERS = (0.0, -0.0, np.nan, np.inf, 1e30, -1e30, 1e15, 1e-30, 1e-40, 255, -255, 1, -1)


def seeds() -> Sequence[bytes]:
    """A file of every kind, trained, frozen and quantised, spiking and not."""
    samples = np.random.default_rng(0).integers(0, 256, (50, 20)).astype(np.uint8)
    networks: list[Network] = []
    for kind in sorted(KINDS):
        trained = float_network((20, 12, 4), kind)
        networks += [trained, freeze(trained), quantise(freeze(trained), samples)]
        if KINDS[kind].matrix:
            spiking = spiking_network(kind)
            networks += [spiking, spiking_integers(spiking)]
    networks += [spiking_network("dense", coding=coding, readout=readout) for coding, readout in (("rate", "count"), ("latency", "first"))]
    networks.append(replicated_network(layers=({"pooling": "average"}, {"prototypes": 3})))
    return [to_bytes(network) for network in networks]


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A change of the header, of safetensors' own, of an array's numbers, or of any byte."""
    size = int.from_bytes(content[:8], "little")
    outer, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    choice = rng.randrange(10)
    if choice < 6:
        outer["__metadata__"]["nearwire"] = json_of(json.loads(outer["__metadata__"]["nearwire"]), rng)
        text = json.dumps(outer)
    elif choice < 7:
        text = json_of(outer, rng)
    elif choice < 9:
        text, data = json.dumps(outer), _numbers(outer, data, rng)
    else:
        return bytes_of(content, rng)
    raw = text.encode("utf-8", "surrogatepass")
    return len(raw).to_bytes(8, "little") + raw + data


def _numbers(outer: dict[str, Any], data: bytes, rng: random.Random) -> bytes:
    """The data with some numbers of one array replaced."""
    entry = outer[rng.choice(sorted(set(outer) - {"__metadata__"}))]
    start, end = entry["data_offsets"]
    dtype = {"F32": "<f4", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}[entry["dtype"]]
    values = np.frombuffer(data[start:end], dtype).copy()
    for _ in range(rng.choice((1, 1, 3, len(values)))):
        with np.errstate(all="ignore"):
            values[rng.randrange(len(values))] = np.array(rng.choice(NUMBERS)).astype(dtype)
    return data[:start] + values.tobytes() + data[end:]


def use(network: Network) -> None:
    """Run the network; quantise it where it is a trained one."""
    to_bytes(network)
    work = max(max(kind_of(layer).weight_count(layer), kind_of(layer).sample_values(layer)) for layer in network.layers)
    if work * (network.spiking.steps if network.spiking else 1) > VALUES_MAX:
        return
    samples = np.random.default_rng(0).integers(0, 256, (8, network.input.size)).astype(np.uint8)
    scores(network, samples)
    if not network.is_integer:
        scores(quantise(prune(freeze(network), 0.3), samples), samples)


def run(count: int, seed: int) -> Report:
    """Read and compute with ``count`` mutants."""
    return run_surface(Surface("network", "network.safetensors", seeds, mutate, lambda path: load(Path(path)), use), count, seed)
