"""Spiking builds step by step: what a backend that computes one time step at a time needs to run whole inferences.

A backend gives ``advance``, one step of the law (runtime/network/spiking/integers.py) for any number of samples. From it come

    state = session.begin(samples)        nothing has happened yet
    state = session.step(state)           one time step: spikes, membranes and scores of every neuron; state.done tells when all are decided
    session.scores(samples)               all steps, samples that are decided early leaving the batch

A state belongs to a network, not to a backend: it can be kept, and gone on with where the same network runs on another.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from devices.errors import InputError
from runtime.backends.base import Session
from runtime.backends.timing import time_calls
from runtime.network.file import to_bytes
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples
from runtime.network.spiking import coding
from runtime.network.spiking.constants import Spiking
from runtime.network.spiking.integers import MEMBRANE_MAX, MEMBRANE_MIN, spiking_of
from runtime.network.spiking.readout import decided

CHUNK_SAMPLES = 1024  # of a call of scores: bounds the memory of states


@dataclass(frozen=True)
class State:
    """n inferences of one network between two time steps."""

    network: str  # sha256 of the network's file
    step: int  # steps that are done
    inputs: Array  # (n, inputs) uint8: the samples' bytes
    current: Array  # (n, neurons) int32 of the first layer under coding direct, known behind the first step; else (n, 0)
    membranes: tuple[Array, ...]  # a layer: (n, neurons) int16
    spikes: tuple[Array, ...]  # a layer: (n, neurons) uint8 of the last step
    scores: Array  # (n, classes) int32; those of a sample that is decided stay
    executed: Array  # (n,) int64 steps that each sample needed; 0: not decided yet

    @property
    def done(self) -> bool:
        """Whether every sample is decided."""
        return bool((self.executed > 0).all())


@dataclass(frozen=True)
class Advanced:
    """What one time step gives. Arrays of any integer type; shapes as in ``State``."""

    current: Array
    membranes: tuple[Array, ...]
    spikes: tuple[Array, ...]


class SpikingSession(Session):
    """A session of a spiking build. A backend calls ``of`` once and implements ``advance`` and ``layers``."""

    tells_spikes = True

    def of(self, network: Network) -> None:
        """Remember the network, which is an integer one that spikes."""
        self.network, self.spiking = network, spiking_of(network)
        self.direct = self.spiking.coding == "direct"
        self.identity = hashlib.sha256(to_bytes(network)).hexdigest()
        self.widths = tuple(layer.outputs for layer in network.layers)

    @abstractmethod
    def advance(self, value: Array, begin: bool, current: Array, membranes: tuple[Array, ...]) -> Advanced:
        """One time step of n samples. value: (n, inputs) bytes under coding direct, else this step's spikes. ``begin``: the current is to be computed."""

    def begin(self, samples: Array) -> State:
        """The state before the first step of samples (n, inputs) uint8; InputError for another shape or type."""
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        n = len(flat)
        return State(
            self.identity,
            0,
            flat,
            np.zeros((n, self.widths[0] if self.direct else 0), np.int32),
            tuple(np.zeros((n, width), np.int16) for width in self.widths),
            tuple(np.zeros((n, width), np.uint8) for width in self.widths),
            np.zeros((n, self.widths[-1]), np.int32),
            np.zeros(n, np.int64),
        )

    def step(self, state: State) -> State:
        """The state one time step later; InputError for one of another network, a damaged one, or one whose last step is done."""
        self._check(state)
        t = state.step
        value = state.inputs if self.direct else coding.encode_step(state.inputs, self.spiking, t)
        made = self.advance(np.ascontiguousarray(value), t == 0, state.current, state.membranes)
        running = state.executed == 0
        scores = np.where(running[:, None], added(state.scores, made, t, self.spiking), state.scores)
        over = running & decided(scores, t, self.spiking)
        return replace(
            state,
            step=t + 1,
            current=np.asarray(made.current, np.int32),
            membranes=tuple(np.asarray(array, np.int16) for array in made.membranes),
            spikes=tuple(np.asarray(array, np.uint8) for array in made.spikes),
            scores=np.asarray(scores, np.int32),
            executed=np.where(over, t + 1, state.executed),
        )

    def spikes(self, samples: Array) -> list[Array]:
        state, steps = self.begin(samples), []
        while not state.done:
            running = (state.executed == 0)[:, None]
            state = self.step(state)
            steps.append([spikes * running for spikes in state.spikes])
        rest = [[np.zeros_like(spikes) for spikes in state.spikes]] * (self.spiking.steps - len(steps))
        return [np.stack(layer) for layer in zip(*steps, *rest, strict=True)]

    def scores(self, samples: Array) -> Array:
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        scores = np.zeros((len(flat), self.widths[-1]), np.int32)
        for at in range(0, len(flat), CHUNK_SAMPLES):
            scores[at : at + CHUNK_SAMPLES] = self._scores(flat[at : at + CHUNK_SAMPLES])
        return scores

    def time_ns(self, sample: Array, runs: int) -> Array:
        """Times of whole inferences of one sample: coding, every step, the sum of the scores, early exit."""
        row = np.ascontiguousarray(check_samples(self.network, sample[None]))
        return time_calls(lambda: self._scores(row), runs)

    def _scores(self, flat: Array) -> Array:
        scores, left = np.zeros((len(flat), self.widths[-1]), np.int64), np.arange(len(flat))
        current: Array = np.zeros((len(flat), self.widths[0] if self.direct else 0), np.int32)
        membranes: tuple[Array, ...] = tuple(np.zeros((len(flat), width), np.int16) for width in self.widths)
        for t in range(self.spiking.steps):
            value = flat[left] if self.direct else coding.encode_step(flat[left], self.spiking, t)
            made = self.advance(value, t == 0, current, membranes)
            scores[left] = added(scores[left], made, t, self.spiking)
            current, membranes = made.current, made.membranes
            if self.spiking.exit_lead is not None and t + 1 < self.spiking.steps:
                stay = ~decided(scores[left], t, self.spiking)
                if not stay.all():
                    left, current, membranes = left[stay], current[stay], tuple(membrane[stay] for membrane in membranes)
                if not len(left):
                    break
        return scores

    def _check(self, state: State) -> None:
        if state.network != self.identity:
            raise InputError(
                f"the state is one of another network: its sha256 is {state.network[:12]}..., this build's {self.identity[:12]}.... "
                "Begin with this build's session."
            )
        if not 0 <= state.step < self.spiking.steps:
            raise InputError(f"the state has {state.step} of {self.spiking.steps} time steps behind it; there is none left. Begin again.")
        n = len(state.inputs)
        expected = [(n, width) for width in self.widths]
        shapes = [membrane.shape for membrane in state.membranes]
        if shapes != expected or state.current.shape != (n, self.widths[0] if self.direct else 0):
            raise InputError(
                f"the state has membranes of shapes {shapes} and a current of {state.current.shape}; this network needs {expected}. Begin again."
            )
        low, high = (
            min(int(membrane.min(initial=0)) for membrane in state.membranes),
            max(int(membrane.max(initial=0)) for membrane in state.membranes),
        )
        if low < MEMBRANE_MIN or high > MEMBRANE_MAX:
            raise InputError(f"the state has membranes {low}..{high}; allowed: {MEMBRANE_MIN}..{MEMBRANE_MAX}. Begin again.")


def added(scores: Array, made: Advanced, t: int, spiking: Spiking) -> Array:
    """(n, classes) int64 scores with what step t, from 0, adds to them (runtime/network/spiking/readout.py)."""
    if spiking.readout == "membrane":
        return scores + made.membranes[-1].astype(np.int64)
    spikes = made.spikes[-1].astype(np.int64)
    return scores + spikes if spiking.readout == "count" else np.maximum(scores, (spiking.steps - t) * spikes)
