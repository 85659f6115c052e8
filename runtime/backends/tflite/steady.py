"""``tflite``: executes ``model.tflite`` with LiteRT or the older tflite-runtime, one thread unless told otherwise.

Both give the same scores. LiteRT (ai-edge-litert) is taken where both work: it runs int8 layers through XNNPACK, has wheels for every
Python and both numpy generations, and checks a file before it maps it. The environment variable NEARWIRE_TFLITE or
``TfliteBackend(library=...)`` chooses: ``litert`` or ``tflite-runtime``.

An import proves nothing: tflite-runtime's wheels are built against numpy 1, import with numpy 2 and fail at the first interpreter. So
``missing`` makes an interpreter of an empty model of 120 bytes.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from devices.errors import NearwireError, unknown_name
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.registry import packages_of
from runtime.backends.tflite import profiler as litert_profiler
from runtime.backends.tflite.step import TfliteSpikingSession
from runtime.backends.timing import steady_mean, time_calls
from runtime.builds.artifact import read_artifact, unreadable
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples

FILE = "model.tflite"
VARIABLE = "NEARWIRE_TFLITE"
LIBRARIES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}  # name of registry.py: module
HINT = "Install one: pip install 'nearwire[tflite]' (tflite-runtime needs Python <= 3.11 and 'numpy<2')."
PROFILE_RUNS = 300  # at least
# A valid model with one empty subgraph.
EMPTY_MODEL = base64.b64decode(
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAcAAAAUAAAAAMAAAABAAAACAAAAAQABAAEAAAAAQAAABAAAAAMABQAEAAMAAgABAAM"
    "AAAAEAAAABAAAAAQAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
# tflite-runtime maps a file without checking it: a damaged one would end our own process.
_PROBE = "import sys, importlib; i = importlib.import_module(sys.argv[1]).Interpreter(model_content=sys.stdin.buffer.read()); i.allocate_tensors(); i.invoke()"


class TfliteSession(Session):
    """One interpreter at batch 1, the batch the file is made for."""

    def __init__(self, folder: Path, network: Network, library: str, threads: int = 1) -> None:
        module = LIBRARIES[library]
        self.library = library
        self.network, self.path, self.outputs = network, folder / FILE, network.layers[-1].outputs
        content = _checked(folder, library)
        try:
            _interpreter(module, EMPTY_MODEL)  # loads the library, which is not part of loading the model
            start = time.perf_counter_ns()
            self.interpreter = _interpreter(module, content, threads)
            self.init_ns = time.perf_counter_ns() - start
            inputs, outputs = self.interpreter.get_input_details(), self.interpreter.get_output_details()
            actual = [[(list(map(int, d["shape"])), d["dtype"].__name__) for d in details] for details in (inputs, outputs)]
        except Exception as error:  # a name that is no UTF-8, a number that does not fit: its errors have no common base
            raise unreadable(self.path, error) from error
        expected = [[([1, network.input.size], "int8")], [([1, self.outputs], "int32")]]
        if actual != expected:
            raise unreadable(self.path, f"it reads and returns {actual}, the build's network {expected}")
        self.input, self.output = inputs[0]["index"], outputs[0]["index"]
        self.detail = _described(library, threads)

    def _stored(self, samples: Array) -> Array:
        """uint8 bytes (n, inputs) as the file's int8 (n, 1, inputs): byte - 128."""
        return (np.ascontiguousarray(check_samples(self.network, samples)) ^ np.uint8(0x80)).view(np.int8)[:, None, :]

    def scores(self, samples: Array) -> Array:
        stored = self._stored(samples)
        result = np.empty((len(stored), self.outputs), np.int32)
        put, run, get = self.interpreter.set_tensor, self.interpreter.invoke, self.interpreter.get_tensor
        try:
            for k, row in enumerate(stored):
                put(self.input, row)
                run()
                result[k] = get(self.output)[0]
        except (ValueError, RuntimeError) as error:  # a file that loads and cannot run
            raise unreadable(self.path, error) from error
        return result

    def time_ns(self, sample: Array, runs: int) -> Array:
        """Times of the run alone: the input is in place beforehand."""
        self.interpreter.set_tensor(self.input, self._stored(sample[None])[0])
        return time_calls(self.interpreter.invoke, runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        """A row an operator with LiteRT, whose steps of XNNPACK count as operators; one row where no profiler can be had, saying why."""
        if len(samples) == 0:
            return []
        why = "tflite-runtime has no profiler in Python"
        if self.library == "litert":
            try:
                return litert_profiler.operators(self.path, [self._stored(samples[:1])[0]], [self.scores(samples[:1])])
            except NearwireError as error:
                why = str(error)
        runs = -(-PROFILE_RUNS // len(samples))
        self.time_ns(samples[0], PROFILE_RUNS // 10)  # warm-up
        mean_ns = np.mean([steady_mean(self.time_ns(sample, runs)) for sample in samples])
        names = " + ".join(layer.name for layer in self.network.layers)
        return [LayerFigure(names, float(mean_ns) / 1000, note=f"the whole model: {why}")]

    def close(self) -> None:
        del self.interpreter


class TfliteBackend(Backend):
    name = "tflite"

    def __init__(self, library: str | None = None, threads: int = 1) -> None:
        self.library, self.threads = library, threads  # library: a name in LIBRARIES; None: NEARWIRE_TFLITE, else the first that works

    def choose(self) -> tuple[str | None, str]:
        """(the library to use, '') or (None, why none works). InputError for an unknown name."""
        library = self.library or os.environ.get(VARIABLE)
        if library and library not in LIBRARIES:
            raise unknown_name(f"TFLite library (environment variable {VARIABLE})", library, LIBRARIES)
        faults = {name: _fault(name) for name in ([library] if library else LIBRARIES)}
        for name, fault in faults.items():
            if fault is None:
                return name, ""
        return None, f"{'; '.join(str(fault) for fault in faults.values())}. {HINT}"

    def missing(self) -> str | None:
        library, reason = self.choose()
        return None if library else reason

    def with_threads(self, threads: int) -> Backend:
        return TfliteBackend(self.library, threads)

    def with_library(self, library: str) -> Backend:
        return TfliteBackend(library, self.threads)

    def open(self, folder: Path, network: Network) -> Session:
        library, reason = self.choose()
        if library is None:
            raise NearwireError(f"backend '{self.name}' cannot work here: {reason}")
        if network.spiking is not None:
            return _spiking(folder, network, library, self.threads)
        return TfliteSession(folder, network, library, self.threads)


def _spiking(folder: Path, network: Network, library: str, threads: int) -> Session:
    module, content = LIBRARIES[library], _checked(folder, library)
    _interpreter(module, EMPTY_MODEL)  # loads the library, which is not part of loading the model
    return TfliteSpikingSession(folder / FILE, network, lambda: _interpreter(module, content, threads), library, _described(library, threads))


def _checked(folder: Path, library: str) -> bytes:
    """The file's bytes; InputError if it is absent, changed or would end our process."""
    content, vouched = read_artifact(folder, FILE)
    if library == "tflite-runtime" and not vouched:
        _check_in_another_process(folder / FILE, content, LIBRARIES[library])
    return content


def _described(library: str, threads: int) -> str:
    """Library, version and threads."""
    return f"{library} {importlib.metadata.version(packages_of(library)[0])}, {threads} thread{'s' if threads > 1 else ''}"


@lru_cache
def _fault(library: str) -> str | None:
    """Why a library cannot work here; None if it can."""
    module, package = LIBRARIES[library], packages_of(library)[0]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        return f"{package} is not installed"
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # numpy prints a page about the wrong ABI
            _interpreter(module, EMPTY_MODEL)
    except Exception as error:  # SystemError with the wrong numpy, ImportError or OSError for a broken library
        return f"{package} is installed but does not work with numpy {np.__version__} ({type(error).__name__}: {str(error)[:120]})"
    return None


def _interpreter(module: str, content: bytes, threads: int = 1) -> Any:
    with _without_greeting():
        interpreter = importlib.import_module(module).Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def _without_greeting() -> Iterator[None]:
    """Hold back file descriptor 2 while an interpreter is made and pass on all but the line about XNNPACK, which no option turns off."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        try:
            kept = os.dup(2)
        except OSError:  # no stderr: nothing to hold back
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            held.seek(0)
            for line in held:
                if not line.startswith(b"INFO: Created TensorFlow Lite XNNPACK"):
                    os.write(2, line)
            os.close(kept)


def _check_in_another_process(path: Path, content: bytes, module: str) -> None:
    """InputError if loading and running the file ends another process."""
    done = subprocess.run([sys.executable, "-P", "-c", _PROBE, module], input=content, capture_output=True, timeout=120, check=False)
    if done.returncode < 0:
        raise unreadable(path, f"the TFLite library ends with signal {-done.returncode} on it")
    if done.returncode:
        raise unreadable(path, done.stderr.decode(errors="replace").strip().splitlines()[-1:] or "it does not run")


BACKEND = TfliteBackend()
