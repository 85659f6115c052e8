"""What every backend offers: the scores of a build, the time of one inference, and figures per layer.

A backend never re-implements the network: it executes an artifact of the build folder (or, ``reference``, its network file).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from devices.errors import InputError
from runtime.backends.registry import tells_spikes
from runtime.backends.timing import nothing, time_calls
from runtime.network.network import Array, Network


@dataclass(frozen=True)
class LayerFigure:
    """Cost of one layer (or one node of a runtime that fuses layers) in one inference."""

    name: str
    time_us: float | None = None  # measured time of one inference, microseconds
    instructions: float | None = None  # executed instructions of one inference (mean where they depend on the data)
    note: str = ""
    cycles: float | None = None  # of one inference, estimated (devices/cost/cycles.py)


@dataclass(frozen=True)
class Footprint:
    """Memory of the whole firmware, linked for a board: start-up, port, protocol and this build. Bytes.

    Flash = constants + code + firmware; RAM = static + firmware_static + stack_reserved. Known when it is linked; the stack's mark is measured.
    """

    board: str
    constants: int  # weights, biases, shifts of the network
    code: int  # kernels in use and the network's glue
    firmware: int  # start-up, vectors, port, protocol, their texts, initial values
    flash: int
    static: int  # buffers of the network
    firmware_static: int  # input, scores, the protocol's line
    stack_reserved: int
    ram: int
    stack_used: int | None  # high-water mark of the whole firmware, after an inference; None where nobody ran it
    compiler: str


class Session(ABC):
    """A build opened for execution. Use as a context manager; ``close`` frees files and processes."""

    detail: str = ""  # what executes: library and version, compiler, core
    progress: Callable[[str], None] = staticmethod(lambda _: None)  # told what is being done, where that takes long
    clock_hz: int | None = None  # of a board's core; None where it is not known
    tells_spikes: bool = False  # whether ``spikes`` works, for a network that spikes
    init_ns: int | None = None  # loading the artifact, its library being loaded and its C code compiled; None where it was not timed

    @abstractmethod
    def scores(self, samples: Array) -> Array:
        """(n, outputs) int32 scores for uint8 samples (n, inputs), C-contiguous."""

    @abstractmethod
    def time_ns(self, sample: Array, runs: int) -> Array | None:
        """(runs,) int64 nanoseconds of single inferences of one sample (inputs,), without warm-up; None where time means nothing (emulators)."""

    def timer_ns(self, runs: int) -> Array | None:
        """(runs,) int64 nanoseconds that ``time_ns`` measures for nothing at all: its own cost. None where ``time_ns`` returns None."""
        return time_calls(nothing, runs)

    @abstractmethod
    def layers(self, samples: Array) -> list[LayerFigure]:
        """Per-layer figures averaged over the samples, in order of execution."""

    def spikes(self, samples: Array) -> list[Array]:
        """A layer: (steps, n, neurons) uint8, 1 where a neuron of a spiking network spikes; 0 behind an early exit. InputError where that is not known."""
        raise InputError(f"'{self.detail}' does not tell single spikes, or the network has none. Spiking builds tell them on: {tells_spikes()}.")

    def quantise(self, raw: Array) -> Array:
        """(n, inputs) uint8 of raw values (n, inputs), by the build's own front end. InputError where the backend or the build has none."""
        raise InputError(f"'{self.detail}' runs no front end, or the build has none. Backend 'c' runs it.")

    def instructions(self, samples: Array) -> Array | None:
        """(n,) int64 exact instructions of each inference; None where they cannot be counted."""
        return None

    def footprint(self) -> Footprint | None:
        """Flash and RAM of the firmware; None for what is no microcontroller."""
        return None

    def close(self) -> None:  # noqa: B027 (most sessions hold nothing)
        """Free what the session holds."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Backend(ABC):
    """A way to execute builds."""

    name: str

    @abstractmethod
    def missing(self) -> str | None:
        """None if the backend can work here; otherwise what is missing and the command that installs it."""

    def on(self, board: str | None) -> Backend:
        """The same backend on another board; the backend itself where it runs on this computer, or for None."""
        return self

    def with_threads(self, threads: int) -> Backend:
        """The same backend with so many threads for one inference; itself where it has no use for more than one."""
        return self

    def with_library(self, library: str) -> Backend:
        """The same backend with one of the libraries that its entry in registry.py names."""
        raise InputError(f"backend '{self.name}' has no choice of libraries.")

    @abstractmethod
    def open(self, folder: Path, network: Network) -> Session:
        """Open the build in ``folder``, whose stored network is ``network``. InputError if its artifact is absent or unreadable."""
