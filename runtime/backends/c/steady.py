"""``c``: the build's own C code, compiled with this computer's compiler and called in this process."""

from __future__ import annotations

import ctypes
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from devices.boards.board import load_board
from devices.common.temporary import temporary_folder
from devices.errors import InputError, NearwireError
from devices.tools.toolchain import Compiler, compiler_for, missing
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.c.recording import HEADER, layer_spikes, record_bytes, record_flags
from runtime.builds.sources import FRONT, add_fast, copy_sources
from runtime.network.front.stages import raw_dtype
from runtime.network.network import Array, Network

LEVELS = {"x86_64": (", no vectors", ", AVX2", ", AVX-512 VNNI"), "aarch64": (", no vectors", ", NEON", ", NEON with dot product")}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # as other systems call them
ENTRY, CLOCK = "host.c", "clock.h"
PROFILE_NS = 50e6  # nanoseconds that a profile spends at least, so that the clock's steps do not matter
SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


class NativeSession(Session):
    """The compiled library; its files are removed as soon as it is loaded where the system allows it, else by ``close``."""

    tells_spikes = True

    def __init__(self, folder: Path, network: Network, compiler: Compiler, flags: tuple[str, ...]) -> None:
        self._network, self._folder, self._compiler, self._flags = network, folder, compiler, flags
        self._work = temporary_folder()
        try:
            library = self._compiled("nearwire")
            start = time.perf_counter_ns()
            self._library = _load(library)
            self.init_ns = time.perf_counter_ns() - start
        except BaseException:
            self._work.cleanup()
            raise
        self._inputs, self._outputs = int(self._library.shim_inputs()), int(self._library.shim_outputs())
        if (self._inputs, self._outputs) != (network.input.size, len(network.classes)):
            self.close()
            raise InputError(
                f"'{folder / 'c'}' is a network of {self._inputs} inputs and {self._outputs} outputs, not of {network.input.size} and "
                f"{len(network.classes)}. Compile the network again."
            )
        self.detail = f"{compiler.detail} {' '.join(flags)}{_unit(self.vector_level())}"

    def _compiled(self, name: str, *more: str) -> Path:
        """A library of the build's code, with ``more`` flags."""
        work = Path(self._work.name)
        copy_sources(self._folder, self._network, work, ENTRY, CLOCK, HEADER)
        library = work / f"{name}{SUFFIX}"
        arguments: list[str | Path] = ["-std=c99", *self._flags, *add_fast(work), "-fPIC", "-I", work]
        kernels = self._kernels(work, arguments)
        sources = [kernels, work / ENTRY, *([work / FRONT] if self._network.front else [])]
        self._compiler.run([*arguments, *more, "-shared", "-o", library, *sources], f"'{self._folder / 'c'}'")
        return library

    def _kernels(self, work: Path, arguments: Sequence[str | Path]) -> Path:
        """fast.c, or its object where a network spikes: its spikes need a second library, whose kernels are the same."""
        made = work / "fast.o"
        if self._network.spiking is None:
            return work / "fast.c"
        if not made.is_file():
            self._compiler.run([*arguments, "-c", "-o", made, work / "fast.c"], f"'{self._folder / 'c'}'")
        return made

    def quantise(self, raw: Array) -> Array:
        if not self._network.front:
            return super().quantise(raw)
        values = np.ascontiguousarray(raw, raw_dtype(self._network.front))
        result = np.empty((len(values), self._inputs), np.uint8)
        quantise = self._library.nearwire_quantise
        quantise.restype, quantise.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p]
        for sample, made in zip(values, result, strict=True):
            quantise(_pointer(sample), _pointer(made))
        return result

    def spikes(self, samples: Array) -> list[Array]:
        flat = _samples(samples, self._inputs)
        record = np.zeros((len(flat), record_bytes(self._network)), np.uint8)
        library = _load(self._compiled("spikes", *record_flags(self._network)))
        library.shim_record.restype, library.shim_record.argtypes = None, [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        library.shim_record(_pointer(flat), len(flat), _pointer(record))
        return layer_spikes(record, self._network)

    def vector_level(self, limit: int = 2) -> int:
        """The level of fast.c's vector variants in use, after none above ``limit`` is allowed any more."""
        self._library.nearwire_fast_limit(ctypes.c_int32(limit))
        return int(self._library.nearwire_fast_level())

    def scores(self, samples: Array) -> Array:
        flat = _samples(samples, self._inputs)
        result = np.empty((len(flat), self._outputs), np.int32)
        self._library.shim_scores(_pointer(flat), len(flat), _pointer(result))
        return result

    def time_ns(self, sample: Array, runs: int) -> Array:
        flat = _samples(sample[None], self._inputs)
        result = np.empty(runs, np.int64)
        self._library.shim_time(_pointer(flat), runs, _pointer(result))
        return result

    def timer_ns(self, runs: int) -> Array:
        result = np.empty(runs, np.int64)
        self._library.shim_timer(runs, _pointer(result))
        return result

    def layers(self, samples: Array) -> list[LayerFigure]:
        flat = _samples(samples, self._inputs)
        if len(flat) == 0:
            return []
        once = max(1.0, float(np.median(self.time_ns(flat[0], 5))))
        repeats = max(1, round(PROFILE_NS / (once * len(flat))))
        total = np.zeros(len(self._network.layers), np.float64)
        self._library.shim_layers(_pointer(flat), len(flat), repeats, _pointer(total))
        return [
            LayerFigure(layer.name, time_us=float(ns) / len(flat) / 1000, note=layer.store or "")
            for layer, ns in zip(self._network.layers, total, strict=True)
        ]

    def close(self) -> None:
        self._work.cleanup()


class NativeBackend(Backend):
    name = "c"

    def missing(self) -> str | None:
        return missing(load_board("host").toolchain)

    def open(self, folder: Path, network: Network) -> Session:
        toolchain = load_board("host").toolchain
        return NativeSession(folder, network, compiler_for(toolchain), toolchain.flags)


def _unit(level: int) -> str:
    """The vector unit that a level of fast.c is on this computer."""
    machine = platform.machine().lower()
    return LEVELS.get(MACHINES.get(machine, machine), ("", "", ""))[level]


def _load(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise NearwireError(
            f"the compiled code could not be loaded: {error}. Is the compiler one for this computer? See 'nearwire devices doctor'."
        ) from error
    for name, arguments in {"scores": "pip", "time": "pip", "timer": "ip", "layers": "piip"}.items():
        function = getattr(library, f"shim_{name}")
        function.restype = None
        function.argtypes = [ctypes.c_void_p if a == "p" else ctypes.c_int64 for a in arguments]
    for name in ("inputs", "outputs"):
        getattr(library, f"shim_{name}").restype = ctypes.c_int64
    return library


def _pointer(values: Array) -> int:
    return int(values.ctypes.data)


def _samples(samples: Array, inputs: int) -> Array:
    if samples.dtype != np.uint8 or samples.ndim != 2 or samples.shape[1] != inputs:
        raise InputError(f"samples are {samples.dtype} of shape {samples.shape}; the network reads uint8 of shape (n, {inputs}).")
    return np.ascontiguousarray(samples)


BACKEND = NativeBackend()
