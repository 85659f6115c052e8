"""The most instructions that an inference of a spiking network can take, whatever its input: a bound with an argument, counted on the real firmware.

The program of the build runs on the emulated core, but at the entry of its functions the network's state is overwritten (``_Forced``): all
neurons awake, all membranes and sums of one class. A class is a way through the neurons' code: whether the neuron had spiked, whether its membrane
saturates below, above or not, whether it spikes. Instructions are counted by step, by layer and by function, and the bound adds up the largest found.

Why no input exceeds it:
1. Steps are at most all of them. Loops run over inputs, neurons, events: events are at most all neurons of a layer (all inputs of a coding), and
   the runs whose class spikes have exactly those, in every step. An input under coding ``latency`` spikes once, so there one run spreads all inputs over
   the steps: as many events as there can be, in as many calls as there can be.
2. What a turn of such a loop takes depends on that neuron's or input's own values, by the classes alone (runtime/kernels/lif_s16.c, spike_codes.c), so
   a loop takes at most what it takes when all of them are of the dearest class. All classes that the layer's constants allow are run. Kernels of
   sums branch on values at most by skipping zeros; inputs of zeros and inputs without any are both run.
3. Read-outs: every score still 0 (``first``); scores rising, falling and equal (early exit compares them).
Forced states include all that can occur. The first inference, which may compute weights into RAM, is not meant: like all counts, the bound is for
those behind it. tests/compile/test_worst_case.py holds networks of every coding and read-out against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from compile.emit.c import step as c_spiking
from devices.links.unicorn import WINDOW, Core
from runtime.backends.firmware.core import FirmwareSession
from runtime.network.network import Array, Layer, Network
from runtime.network.spiking import coding
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.integers import CURRENT_MAX, MEMBRANE_MAX, MEMBRANE_MIN, lif_step, spiking_of, unclamped

ARGUMENT = (
    "the firmware run with its state forced, at every entry of its functions, to all neurons awake and spiking in every step, and to every way through "
    "their code; the largest count of each function, layer and step added up"
)
Key = tuple[str, str]  # layer function, function that executes


@dataclass(frozen=True)
class _Class:
    """One way through a neuron's step: had it spiked, where does its membrane saturate (-1, 0, 1), does it spike."""

    fired: bool
    clamp: int
    spikes: bool


CLASSES = [_Class(fired, clamp, spikes) for fired in (True, False) for clamp, spikes in ((1, True), (0, True), (0, False), (-1, False))]
SCORES = ("zero", "rising", "falling", "rising, then equal", "highest first")
BEGINS = ("high", "middle, awake", "middle, asleep", "low")


@dataclass(frozen=True)
class _Run:
    """What one forced inference is given."""

    way: _Class
    scores: str
    begin: str
    sample: Array


def bound(session: FirmwareSession, network: Network) -> int | None:
    """Instructions; None where the program's state is not where the generated code puts it, so that nothing can be forced."""
    size = 4 * len(c_spiking.counters(spiking_of(network))) + sum(member.bytes for member in c_spiking.members(network))
    if not size <= session.image.lengths.get("nearwire_state", 0) < size + 4:
        return None
    spiking = spiking_of(network)
    session.instructions(np.zeros((1, network.input.size), np.uint8))  # the first inference
    counts = [_Forced(session, network, run).count() for run in _runs(network, spiking)]
    first = _most([windows[0] for windows in counts])
    steps = [windows[1:] for windows in counts]
    return sum(first.values()) + _steps(steps, spiking) + _rate_extra(counts, network, spiking)


def _steps(counts: list[list[dict[Key, int]]], spiking: Spiking) -> int:
    """All steps together. A run that left early has fewer; what it showed may then happen in any step, but for what reads the coded input."""
    anywhere = _most([window for windows in counts for window in windows])
    total = 0
    for t in range(spiking.steps):
        here = _most([windows[t] for windows in counts if len(windows) > t])
        for key in anywhere:
            coded = spiking.coding == "latency" and key[0] in ("nearwire_code", "nearwire_layer_0")
            total += here.get(key, 0) if coded or spiking.exit_lead is None else anywhere[key]
    return total


def _most(windows: list[dict[Key, int]]) -> dict[Key, int]:
    largest: dict[Key, int] = {}
    for window in windows:
        for key, count in window.items():
            largest[key] = max(largest.get(key, 0), count)
    return largest


def _rate_extra(counts: list[list[dict[Key, int]]], network: Network, spiking: Spiking) -> int:
    """Under coding ``rate`` a byte of 255 spikes for almost all random numbers: what the coder would take more if it spiked for all."""
    if spiking.coding != "rate":
        return 0
    key: Key = ("nearwire_code", "nearwire_code_rate")
    spiked = coding.encode(np.full((1, network.input.size), 255, np.uint8), spiking).sum((1, 2))
    extra = 0.0
    for t in range(spiking.steps):
        here = [windows[1 + t][key] for windows in counts if len(windows) > 1 + t]
        extra += (max(here) - min(here)) * (network.input.size / max(int(spiked[t]), 1) - 1)
    return int(np.ceil(extra))


def _runs(network: Network, spiking: Spiking) -> Iterator[_Run]:
    zeros, full = (np.full(network.input.size, value, np.uint8) for value in (0, 255))
    most = _spread(network.input.size, spiking) if spiking.coding == "latency" else full
    spiked = CLASSES[0]
    for way in CLASSES:
        yield _Run(way, "zero", BEGINS[0], most)
    for begin in BEGINS[1:] if spiking.coding == "direct" else ():
        yield _Run(spiked, "zero", begin, full)
    for way in (spiked, CLASSES[-1]):
        yield _Run(way, "zero", BEGINS[0], zeros)
    for scores in SCORES[1:] if spiking.exit_lead is not None or spiking.readout == "first" else ():
        for way in (spiked, CLASSES[-1]):
            yield _Run(way, scores, BEGINS[0], most)


def _spread(inputs: int, spiking: Spiking) -> Array:
    """Bytes that all spike under coding ``latency``, at least one in every step that a byte can reach, the others together."""
    levels = np.arange(256, dtype=np.uint8)
    at = coding.encode(levels[None], spiking)[:, 0, :]  # (steps, 256)
    reached = [int(np.flatnonzero(row)[-1]) for row in at if row.any()]
    sample = np.full(inputs, reached[0], np.uint8)
    sample[: min(len(reached), inputs)] = reached[: min(len(reached), inputs)]
    return sample


class _Forced:
    """One inference whose state is overwritten where functions begin."""

    def __init__(self, session: FirmwareSession, network: Network, run: _Run) -> None:
        self._core: Core = session.core
        self._network, self._run, self._spiking = network, run, spiking_of(network)
        self._scores_at = session.scores_at
        at = session.image.symbols["nearwire_state"]
        self._addresses: dict[str, int] = {}
        for name in c_spiking.counters(self._spiking):
            self._addresses[name.split()[-1].lstrip("*")] = at
            at += 4
        self._types = {member.name: member.type for member in c_spiking.members(network)}
        for member in c_spiking.members(network):
            self._addresses[member.name] = at
            at += member.bytes
        self._pairs = [way_through(layer, run.way, self._spiking) for layer in network.layers]
        self._layer = 0

    def count(self) -> list[dict[Key, int]]:
        """Instructions by layer and function: in front of the first step, then step by step."""
        self._core.write(WINDOW, self._run.sample.tobytes())
        layers = [f"nearwire_layer_{k}" for k in range(len(self._network.layers))]
        direct = self._spiking.coding == "direct"
        enter: dict[str, Callable[[], None]] = {name: partial(self._enter, k) for k, name in enumerate(layers)}
        enter["nearwire_lif_s16"] = self._stepping
        if direct:
            enter["nearwire_lif_s16_begin"] = self._beginning
        start = layers[0] if direct else "nearwire_code"
        marks = (*layers, "nearwire_layer_0_begin" if direct else "nearwire_code")
        return self._core.count_by_function("nearwire_infer", WINDOW, self._scores_at, start=start, marks=marks, enter=enter)

    def _put(self, name: str, values: Array) -> None:
        kind = {"int32_t": "<i4", "int16_t": "<i2", "uint16_t": "<u2", "uint8_t": "u1"}[self._types.get(name, "int32_t")]
        self._core.write(self._addresses[name], np.ascontiguousarray(values).astype(kind).tobytes())

    def _enter(self, k: int) -> None:
        self._layer, layer = k, self._network.layers[k]
        if k == 0 and self._spiking.coding == "direct":
            membrane, current = self._pairs[0]
            self._put("awakes", np.array([layer.outputs]))
            self._put("awake", np.arange(layer.outputs))
            self._put("steady", np.full(layer.outputs, membrane << 16 | (current & 0xFFFF)).astype(np.int64).astype(np.uint32).view(np.int32))
        elif k == 0 and self._spiking.coding == "rate":
            self._put("events", np.arange(layer.inputs))
            self._core.set_argument(0, layer.inputs)
        if k == len(self._network.layers) - 1:
            self._core.write(self._scores_at, _scores(self._run.scores, layer.outputs).astype("<i4").tobytes())

    def _stepping(self) -> None:
        layer = self._network.layers[self._layer]
        membrane, current = self._pairs[self._layer]
        self._put("sums", np.full(layer.outputs, current >> int(layer.options["lift"])))
        self._put(f"membranes_{self._layer}", np.full(layer.outputs, membrane))

    def _beginning(self) -> None:
        layer = self._network.layers[0]
        limit = c_spiking.neuron_constants(self._network, 0)["limit"]
        kept = {
            "high": MEMBRANE_MAX + 1,
            "middle, awake": min(max(limit, MEMBRANE_MIN), MEMBRANE_MAX),
            "middle, asleep": min(max(limit - 1, MEMBRANE_MIN), MEMBRANE_MAX),
            "low": MEMBRANE_MIN - 1,
        }[self._run.begin]
        self._put("steady", np.clip(kept << layer.arrays["shift"].astype(np.int64), -(2**31), 2**31 - 1))


def _scores(pattern: str, classes: int) -> Array:
    rising = np.arange(1, classes + 1, dtype=np.int64)
    return {
        "zero": np.zeros(classes, np.int64),
        "rising": rising,
        "falling": rising[::-1],
        "rising, then equal": np.minimum(rising, max(classes - 1, 1)),
        "highest first": np.concatenate([[classes - 1], rising[:-1]]),
    }[pattern]


def way_through(layer: Layer, way: _Class, spiking: Spiking) -> tuple[int, int]:
    """A membrane and a current that take a neuron this way; where its constants allow none, one that makes it spike.

    Membranes at the ends of their ranges are enough: what they leave grows with them, and currents are tried all the way.
    """
    decay, threshold = int(layer.options["decay"]), int(layer.options["threshold"])
    lift = layer.options.get("lift")
    step = 1 << int(lift or 0)
    currents = np.arange(MEMBRANE_MIN // step * step, MEMBRANE_MAX + 1, step, dtype=np.int64)
    if lift is not None:
        currents = np.concatenate([currents, [-(CURRENT_MAX // 2) // step * step, CURRENT_MAX // 2 // step * step]])
    spiking_pair = (0, int(currents[-1]))
    for membrane in (threshold + 1, MEMBRANE_MAX) if way.fired else (MEMBRANE_MIN, 0, threshold):
        moved, spike = lif_step(np.full(1, membrane), currents, decay, threshold, spiking.reset)
        free = unclamped(np.full(1, membrane), currents, decay, threshold, spiking.reset)
        clamp = np.sign(free - moved)
        fits = np.flatnonzero((clamp == way.clamp) & (spike == way.spikes))
        if len(fits):
            return membrane, int(currents[fits[len(fits) // 2]])
    return spiking_pair
