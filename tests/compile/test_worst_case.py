"""The worst case of a spiking network's instructions: no inference exceeds it, and one that does all there is to do nearly reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import spiking_integers, spiking_network
from compile.emit.c import steady as c
from compile.proof.worst_case import CLASSES, bound, way_through
from devices.boards.board import load_board
from runtime.backends.firmware.core import FirmwareSession
from runtime.network.network import Network
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.integers import run, spiking_of

CONSTANTS = [
    {"coding": "direct", "readout": "count", "reset": "zero"},
    {"coding": "direct", "readout": "membrane"},
    {"coding": "direct", "readout": "first", "beta": 0.5},
    {"coding": "rate", "readout": "count", "reset": "zero"},
    {"coding": "rate", "readout": "first"},
    {"coding": "latency", "readout": "membrane", "steps": 12},
    {"coding": "latency", "readout": "first", "steps": 9},
]
EXITS = [
    {"coding": "direct", "readout": "count", "exit_lead": 0},
    {"coding": "direct", "readout": "membrane", "exit_lead": 900},
    {"coding": "latency", "readout": "first", "exit_lead": 0},
    {"coding": "rate", "readout": "count", "exit_lead": 1},
]


def stored(store: str = "events_s8", first: str = "dense_s8", sizes: tuple[int, ...] = (20, 17, 9, 5), seed: int = 0, **constants: object) -> Network:
    lead = constants.pop("exit_lead", None)
    network = spiking_integers(spiking_network("dense", sizes, seed, **constants))
    network = replace(network, spiking=replace(spiking_of(network), exit_lead=lead))
    layers = (replace(layer, store=store if "lift" in layer.options else first) for layer in network.layers)
    return network.with_layers(tuple(layers), "stored")


@contextmanager
def session_of(network: Network, folder: Path, board: str = "emulated-cortex-m4") -> Iterator[FirmwareSession]:
    c.emit(network, folder)
    session = FirmwareSession(folder, network, load_board(board))
    try:
        yield session
    finally:
        session.close()


def hostile(network: Network, count: int = 12) -> np.ndarray:
    """Bytes of all kinds: random, sparse, strong, few levels, constant."""
    rng = np.random.default_rng(3)
    n = network.input.size
    parts = [
        rng.integers(0, 256, (count, n)),
        255 * rng.integers(0, 2, (count, n)),
        rng.integers(0, 256, (count, n)) * (rng.random((count, n)) < 0.2),
        np.repeat(np.arange(0, 256, 17), n).reshape(-1, n),
    ]
    return np.concatenate(parts).astype(np.uint8)


@pytest.mark.parametrize("constants", CONSTANTS + EXITS, ids=str)
def test_no_inference_exceeds_the_bound(tmp_path: Path, constants: dict[str, object]) -> None:
    for k, store in enumerate(("events_s8", "dense_s8")):
        network = stored(store, seed=k, **constants)
        (tmp_path / store).mkdir()
        with session_of(network, tmp_path / store) as session:
            limit = bound(session, network)
            assert limit is not None
            found = session.instructions(hostile(network))
            assert found.max() <= limit
            assert limit < 4 * found.max()


@pytest.mark.parametrize("board", ["emulated-cortex-m0plus", "emulated-cortex-m33", "esp32c3"])
def test_bound_on_other_cores(tmp_path: Path, board: str) -> None:
    network = stored(coding="direct", readout="count")
    with session_of(network, tmp_path, board) as session:
        limit = bound(session, network)
        assert limit is not None
        assert session.instructions(hostile(network)).max() <= limit


@pytest.mark.parametrize("first", ["csr_s8", "block4_s8", "dense16_s8"])
def test_bound_with_other_first_layers(tmp_path: Path, first: str) -> None:
    network = stored(first=first, coding="direct", readout="membrane")
    with session_of(network, tmp_path) as session:
        assert session.instructions(hostile(network)).max() <= (bound(session, network) or 0)


def test_a_network_that_always_spikes_reaches_the_bound(tmp_path: Path) -> None:
    """Strong biases make every neuron spike at every step: what the bound assumes, so nothing is left between them but the way through the neurons."""
    network = stored(coding="direct", readout="count", steps=5)
    layers = []
    for layer in network.layers:
        lift = int(layer.options.get("lift", 0))
        strong = 2**22 if "shift" in layer.arrays else (2**16 >> lift) + 64 * layer.inputs
        layers.append(layer.with_arrays(bias=np.full(layer.outputs, strong, np.int32)).with_options(threshold=2000))
    network = network.with_layers(tuple(layers), "stored")
    sample = np.full((1, 20), 255, np.uint8)
    assert all(spikes.all() for spikes in run(network, sample).spikes)
    with session_of(network, tmp_path) as session:
        limit, found = bound(session, network), int(session.instructions(sample)[0])
    assert limit is not None
    assert found <= limit <= 1.05 * found


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.95, 1.0])
def test_ways_through_a_neuron(reset: str, beta: float) -> None:
    """Every way that random membranes and currents take is among the forced ones."""
    network = spiking_integers(spiking_network("dense", reset=reset, beta=beta))
    spiking: Spiking = spiking_of(network)
    layer = network.layers[1]
    threshold, decay = int(layer.options["threshold"]), int(layer.options["decay"])
    rng = np.random.default_rng(0)

    def way(membrane: np.ndarray, current: np.ndarray) -> list[tuple[bool, int, bool]]:
        fired = membrane > threshold
        kept = np.where(fired & (reset == "zero"), 0, membrane)
        free = ((kept * decay + 2**14) >> 15) + current - np.where(fired & (reset == "subtract"), threshold, 0)
        return list(
            zip(
                fired.tolist(),
                ((free > 32767).astype(int) - (free < -32768)).tolist(),
                (np.clip(free, -32768, 32767) > threshold).tolist(),
                strict=True,
            )
        )

    membranes, currents = rng.integers(-32768, 32768, 20_000), rng.integers(-70_000, 70_000, 20_000)
    pairs = [way_through(layer, each, spiking) for each in CLASSES]
    forced = {way(np.array([m]), np.array([i]))[0] for m, i in pairs}
    assert set(way(membranes, currents)) <= forced
