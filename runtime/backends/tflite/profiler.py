"""What every operator of a .tflite file costs in LiteRT, from its own profiler (the one behind benchmark_model's operator table).

The wheel has the profiler in its C library but not in Python, and its C interface is not promised to stay. So it is called in a process of
its own, which also compares what it computed: if the process fails or the results are not the expected ones, there is no profile, and
``operators`` says why. Steps of XNNPACK are listed one by one. The profiler counts whole microseconds, so many runs are averaged.

python -m runtime.backends.tflite.profiler FILE < ARRAYS     .npz of input_0, input_1, ... and the expected output_0, ... in; JSON out
"""

from __future__ import annotations

import ctypes
import importlib.util
import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from devices.common import child
from devices.errors import NearwireError
from runtime.backends.base import LayerFigure
from runtime.network.network import Array

RUNS, BATCHES, WARM_UP = 300, 8, 50  # the profiler's memory is for about a thousand events a batch
CPU, HOST_MEMORY, WRITE, READ = 1, 1, 1, 0  # constants of LiteRT's C headers
ELEMENTS = {"int8": 9, "int32": 2, "bool": 6}
LIMIT_S = 120
LINE = re.compile(
    r"^\s*(?P<type>\S.*?)\s+[\d.]+\s+(?P<first>[\d.]+)\s+[\d.]+\s+(?P<share>[\d.]+)%\s+[\d.]+%\s+[\d.]+\s+(?P<calls>\d+)\s+(?P<name>\S+)\s*$"
)


def operators(path: Path, inputs: Sequence[Array], expected: Sequence[Array]) -> list[LayerFigure]:
    """A figure an operator, in order of execution: of one run on ``inputs``, the file's in their order, which must give the outputs ``expected``.

    NearwireError saying why the profiler cannot be used.
    """
    arrays = io.BytesIO()
    named = {f"input_{k}": array for k, array in enumerate(inputs)} | {f"output_{k}": array for k, array in enumerate(expected)}
    np.savez(arrays, **named)
    command = child.command("runtime.backends.tflite.profiler", str(path))
    try:
        done = subprocess.run(command, input=arrays.getvalue(), capture_output=True, timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NearwireError(f"LiteRT's profiler could not be run: {error}") from error
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise NearwireError(f"LiteRT's profiler does not work here: {last[0]}")
    document = json.loads(done.stdout)
    if not document["as_expected"]:
        raise NearwireError("LiteRT's profiler ran the model with other results than expected")
    return [LayerFigure(entry["name"], time_us=entry["us"], note=entry["type"]) for entry in document["operators"]]


def parse(summary: str) -> list[dict[str, Any]]:
    """Name, type, first time and share of every operator, from the table 'Run Order' of a profile summary; its total and count of runs."""
    table = summary.partition("Run Order")[2].partition("Top by Computation Time")[0]
    rows = [match.groupdict() for line in table.splitlines() if (match := LINE.match(line))]
    total = re.search(r"Timings \(microseconds\): count=\d+ .*?(?:sum|curr)=([\d.e+]+)", summary)
    if not rows or not total:
        raise NearwireError("LiteRT's profile summary has another form than expected")
    runs = max(int(row["calls"]) for row in rows)
    us_a_percent = float(total[1]) / runs / 100
    return [{"name": row["name"], "type": row["type"], "us": float(row["share"]) * us_a_percent} for row in rows]


class _Layout(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_uint32), ("dimensions", ctypes.c_int32 * 8), ("strides", ctypes.c_uint32 * 8)]


class _TensorType(ctypes.Structure):
    _fields_ = [("element", ctypes.c_int), ("layout", _Layout)]


class _LiteRt:
    """A compiled model with its profiler, through the C library."""

    def __init__(self, content: bytes, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        spec = importlib.util.find_spec("ai_edge_litert")
        if spec is None or not spec.origin:
            raise NearwireError("ai-edge-litert is not installed")
        self.library = ctypes.CDLL(str(next(iter(Path(spec.origin).parent.glob("libLiteRt.*")), "libLiteRt.so")))
        self.content = ctypes.create_string_buffer(content, len(content))  # must outlive the model
        self.environment = self._made("LiteRtCreateEnvironment", 0, None)
        model = self._made("LiteRtCreateModelFromBuffer", self.environment, self.content, ctypes.c_size_t(len(content)))
        self.compiled = self._made("LiteRtCreateCompiledModel", self.environment, model, self._options())
        self.profiler = self._made("LiteRtCompiledModelGetProfiler", self.compiled)
        self.inputs, self.outputs = [self._buffer(array) for array in inputs], [self._buffer(array) for array in outputs]
        for buffer, array in zip(self.inputs, inputs, strict=True):
            self._write(buffer, array.tobytes())

    def _call(self, name: str, *arguments: Any) -> None:
        if status := getattr(self.library, name)(*arguments):
            raise NearwireError(f"{name} returned {status}")

    def _made(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        self._call(name, *arguments, ctypes.byref(handle))
        return handle

    def _options(self) -> ctypes.c_void_p:
        """Options whose text turns profiling on; the library frees the text with C's free, so C must allocate it."""
        options = self._made("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        c = ctypes.CDLL(None)
        c.malloc.restype, c.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        text = b"enable_profiling = true\n\0"
        memory = c.malloc(len(text))
        ctypes.memmove(memory, text, len(text))
        payload = self._made("LiteRtCreateOpaqueOptions", b"runtime_options_string", ctypes.c_void_p(memory), ctypes.cast(c.free, ctypes.c_void_p))
        self._call("LiteRtAddOpaqueOptions", options, payload)
        return options

    def _buffer(self, like: Array) -> ctypes.c_void_p:
        kind = _TensorType(ELEMENTS[like.dtype.name], _Layout(like.ndim, tuple(like.shape)))
        return self._made("LiteRtCreateManagedTensorBuffer", self.environment, HOST_MEMORY, ctypes.byref(kind), ctypes.c_size_t(like.nbytes))

    def _write(self, buffer: ctypes.c_void_p, content: bytes) -> None:
        pointer = ctypes.c_void_p()
        self._call("LiteRtLockTensorBuffer", buffer, ctypes.byref(pointer), WRITE)
        ctypes.memmove(pointer, content, len(content))
        self._call("LiteRtUnlockTensorBuffer", buffer)

    def read(self, index: int, size: int) -> bytes:
        """The bytes of an output."""
        pointer = ctypes.c_void_p()
        self._call("LiteRtLockTensorBuffer", self.outputs[index], ctypes.byref(pointer), READ)
        content = ctypes.string_at(pointer, size)
        self._call("LiteRtUnlockTensorBuffer", self.outputs[index])
        return content

    def run(self, times: int) -> None:
        inputs, outputs = (ctypes.c_void_p * len(self.inputs))(*self.inputs), (ctypes.c_void_p * len(self.outputs))(*self.outputs)
        counts = ctypes.c_size_t(len(self.inputs)), ctypes.c_size_t(len(self.outputs))
        for _ in range(times):
            self._call("LiteRtRunCompiledModel", self.compiled, ctypes.c_size_t(0), counts[0], inputs, counts[1], outputs)

    def summary(self) -> str:
        """The profile of ``RUNS`` inferences."""
        self._call("LiteRtResetProfiler", self.profiler)
        self._call("LiteRtStartProfiler", self.profiler)
        self.run(RUNS)
        self._call("LiteRtStopProfiler", self.profiler)
        text = ctypes.c_char_p()
        self._call("LiteRtGetProfileSummary", self.profiler, self.compiled, ctypes.byref(text))
        return (text.value or b"").decode(errors="replace")


def _main(path: str) -> None:
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as arrays:
        inputs, outputs = ([arrays[f"{what}_{k}"] for k in range(sum(name.startswith(what) for name in arrays))] for what in ("input", "output"))
    model = _LiteRt(Path(path).read_bytes(), inputs, outputs)
    model.run(WARM_UP)
    tables = [parse(model.summary()) for _ in range(BATCHES)]
    means = [{**rows[0], "us": float(np.mean([row["us"] for row in rows]))} for rows in zip(*tables, strict=True)]
    as_expected = all(model.read(k, array.nbytes) == array.tobytes() for k, array in enumerate(outputs))
    print(json.dumps({"operators": means, "as_expected": as_expected}))


if __name__ == "__main__":
    _main(sys.argv[1])
