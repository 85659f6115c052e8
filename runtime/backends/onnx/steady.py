"""``onnxruntime``: executes ``model.onnx`` on the CPU, one thread unless told otherwise."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from devices.common.temporary import temporary_folder
from devices.errors import NearwireError
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.onnx.step import OnnxSpikingSession
from runtime.backends.timing import steady_mean, time_calls
from runtime.builds.artifact import read_artifact, unreadable
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples

FILE = "model.onnx"
CHUNK = 1024  # samples a call of scores: bounds the memory
PROFILE_RUNS, PROFILE_WARMUP = 300, 30  # at least; the profiler counts whole microseconds, so it needs many
HINT = "Install it: pip install 'nearwire[onnx]'."


class OnnxRuntimeSession(Session):
    """One inference session; batches are free in length."""

    def __init__(self, folder: Path, network: Network, threads: int) -> None:
        self.network, self.threads, self.path = network, threads, folder / FILE
        self.content, _ = read_artifact(folder, FILE)
        start = time.perf_counter_ns()
        self.session = opened(self.path, self.content, threads)
        self.init_ns = time.perf_counter_ns() - start
        actual = ports_of(self.path, self.session)
        expected = [[("input", "tensor(uint8)", [network.input.size])], [("scores", "tensor(int32)", [network.layers[-1].outputs])]]
        if actual != expected:
            raise unreadable(self.path, f"it reads and returns {actual}, the build's network {expected}")
        self.detail = described(threads)

    def scores(self, samples: Array) -> Array:
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        try:
            parts = [self.session.run(["scores"], {"input": flat[at : at + CHUNK]})[0] for at in range(0, len(flat), CHUNK)]
        except Exception as error:  # a file that loads and cannot run; its errors have no common base but Exception
            raise unreadable(self.path, error) from error
        return np.concatenate(parts) if parts else np.zeros((0, self.network.layers[-1].outputs), np.int32)

    def time_ns(self, sample: Array, runs: int) -> Array:
        """Times of the run alone: input and output are bound beforehand."""
        ort = _onnxruntime()
        row = np.ascontiguousarray(check_samples(self.network, sample[None]))
        binding = self.session.io_binding()
        binding.bind_ortvalue_input("input", ort.OrtValue.ortvalue_from_numpy(row))
        binding.bind_ortvalue_output("scores", ort.OrtValue.ortvalue_from_numpy(np.zeros((1, self.network.layers[-1].outputs), np.int32)))
        run = self.session.run_with_iobinding
        return time_calls(lambda: run(binding), runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        """Mean time of every node, from ONNX Runtime's profiler; it slows the run, so the sum is above ``time_ns``."""
        flat = np.ascontiguousarray(check_samples(self.network, samples))
        if len(flat) == 0:
            return []
        runs = max(PROFILE_RUNS, len(flat))
        with temporary_folder() as folder:
            session = opened(self.path, self.content, self.threads, str(Path(folder) / "profile"))
            for k in range(PROFILE_WARMUP + runs):
                at = k % len(flat)
                session.run(["scores"], {"input": flat[at : at + 1]})
            events = json.loads(Path(session.end_profiling()).read_text())
        times: dict[str, list[int]] = {}
        operators: dict[str, str] = {}
        for event in events:
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                name = event["name"].removesuffix("_kernel_time")
                times.setdefault(name, []).append(int(event["dur"]))
                operators[name] = event["args"].get("op_name", "")
        return [LayerFigure(name, steady_mean(np.array(us[-runs:])), note=operators[name]) for name, us in times.items()]


class OnnxRuntimeBackend(Backend):
    name = "onnxruntime"

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def missing(self) -> str | None:
        if importlib.util.find_spec("onnxruntime") is None:
            return f"the package onnxruntime is not installed. {HINT}"
        try:
            _onnxruntime()
        except NearwireError as error:
            return str(error)
        return None

    def with_threads(self, threads: int) -> Backend:
        return OnnxRuntimeBackend(threads)

    def open(self, folder: Path, network: Network) -> Session:
        if reason := self.missing():
            raise NearwireError(f"backend '{self.name}' cannot work here: {reason}")
        if network.spiking is None:
            return OnnxRuntimeSession(folder, network, self.threads)
        path, (content, _) = folder / FILE, read_artifact(folder, FILE)
        return OnnxSpikingSession(path, network, lambda prefix: opened(path, content, self.threads, prefix), described(self.threads))


def opened(path: Path, content: bytes, threads: int, profile_prefix: str | None = None) -> Any:
    """An inference session of a file's content on the processor; InputError naming ``path`` if it is not readable."""
    ort = _onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors only
    if profile_prefix:
        options.enable_profiling, options.profile_file_prefix = True, profile_prefix
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base but Exception
        raise unreadable(path, error) from error


def ports_of(path: Path, session: Any) -> list[list[tuple[str, str, list[Any]]]]:
    """(name, type, shape of a sample) of what a session reads, and of what it returns; InputError if the file's names are no texts."""
    try:
        return [[(p.name, p.type, p.shape[1:]) for p in ports] for ports in (session.get_inputs(), session.get_outputs())]
    except Exception as error:  # a name that is no UTF-8, a shape that is none
        raise unreadable(path, error) from error


def described(threads: int) -> str:
    """Library, version and threads."""
    return f"onnxruntime {_onnxruntime().__version__}, {threads} thread{'s' if threads > 1 else ''}"


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except Exception as error:  # a broken native library raises more than ImportError
        raise NearwireError(f"the package onnxruntime does not load ({error}). {HINT}") from error
    return onnxruntime


BACKEND = OnnxRuntimeBackend()
