"""The C code of a build as a program that runs anywhere: on this computer, on a board that has nothing else, in an emulator.

``build_program`` compiles it for a target; ``ProgramSession`` talks to it through a function that runs it somewhere and returns its output.
Every request starts it anew, so nothing is left running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from devices.common.temporary import temporary_folder
from devices.errors import NearwireError
from runtime.backends.base import LayerFigure, Session
from runtime.builds.artifact import read_artifact
from runtime.builds.sources import add_fast, copy_sources
from runtime.network.network import Array, Network
from runtime.network.reference import check_samples

if TYPE_CHECKING:
    from devices.tools.toolchain import Compiler

ENTRY = ("program.c", "host.c", "clock.h")
WARM_UP = 100  # runs in front of the timed ones of every request
PROFILE_NS = 50e6
COUNTED_RUNS = 8
LONGEST_NS = 1e15  # of one inference
Runner = Callable[[Sequence[str], bytes, int], bytes]  # (arguments, standard input, most bytes of the output) -> standard output
OUTPUT_FREE = 64  # bytes of an output beyond those that are expected, so that a wrong one is told from a flood


def build_program(folder: Path, network: Network, compiler: Compiler, linker: Compiler, flags: Sequence[str]) -> bytes:
    """The program of the build in ``folder``, statically linked.

    ``compiler`` knows the core; ``linker`` only the architecture, so that zig makes its C library once for all cores.
    """
    with temporary_folder() as temporary:
        work = Path(temporary)
        copy_sources(folder, network, work, *ENTRY)
        fast = add_fast(work)
        (work / "test_vectors.h").write_bytes(read_artifact(folder, "c/test_vectors.h")[0])
        program = work / "program"
        objects = []
        for name in ("fast", "program"):
            objects.append(work / f"{name}.o")
            compiler.run(["-std=c99", *flags, *fast, "-I", work, "-c", "-o", objects[-1], work / f"{name}.c"], f"'{folder / 'c'}'")
        linker.run(["-static", "-s", "-o", program, *objects], f"'{folder / 'c'}'")
        return program.read_bytes()


def per_inference(marks: Sequence[int], runs: int) -> float:
    """Instructions of one inference from the marks of RUNS and 3 * RUNS inferences: what the marks themselves cost cancels."""
    if len(marks) != 3:
        raise NearwireError(f"the counting emulator saw {len(marks)} marks, not 3. Does this version of QEMU take the plugin?")
    return ((marks[2] - marks[1]) - (marks[1] - marks[0])) / (2 * runs)


class ProgramSession(Session):
    """The program behind a runner. ``counter``, where there is one, runs it and returns the instructions up to each mark."""

    def __init__(self, network: Network, run: Runner, detail: str, counter: Callable[[Sequence[str], bytes], list[int]] | None = None) -> None:
        self._network, self._run, self._counter, self.detail = network, run, counter, detail
        self._outputs = network.layers[-1].outputs

    def scores(self, samples: Array) -> Array:
        flat = np.ascontiguousarray(check_samples(self._network, samples))
        return self._numbers(["scores"], flat, "<i4", len(flat) * self._outputs).reshape(len(flat), self._outputs)

    def time_ns(self, sample: Array, runs: int) -> Array | None:
        if self._counter is not None:
            return None  # an emulator's times mean nothing
        if runs == 1:  # the first inference of a fresh process
            return self._numbers(["time", "0", "0"], self._row(sample), "<i8", 1)
        return self._numbers(["time", str(runs), str(WARM_UP)], self._row(sample), "<i8", 1 + runs)[1:]

    def timer_ns(self, runs: int) -> Array | None:
        return None if self._counter is not None else self._numbers(["timer", str(runs)], None, "<i8", runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        flat = check_samples(self._network, samples)
        names = [(layer.name, layer.store or "") for layer in self._network.layers]
        if len(flat) == 0:
            return []
        if self._counter is not None:
            counts = np.mean([self._layer_counts(sample) for sample in flat], axis=0)
            return [LayerFigure(name, instructions=float(n), note=note) for (name, note), n in zip(names, counts, strict=True)]
        once = max(1.0, float(np.median(self.time_ns(flat[0], 5))))  # type: ignore[arg-type]
        repeats = str(max(1, round(PROFILE_NS / (once * len(flat)))))
        ns = np.mean([self._numbers(["layers", repeats], self._row(sample), "<f8", len(names)) for sample in flat], axis=0)
        return [LayerFigure(name, time_us=float(t) / 1000, note=note) for (name, note), t in zip(names, ns, strict=True)]

    def instructions(self, samples: Array) -> Array | None:
        if self._counter is None:
            return None
        flat = check_samples(self._network, samples)
        counted = [per_inference(self._counter(["count", str(COUNTED_RUNS)], self._row(sample).tobytes()), COUNTED_RUNS) for sample in flat]
        return np.rint(counted).astype(np.int64)

    def _layer_counts(self, sample: Array) -> list[int]:
        marks = self._counter(["count-layers"], self._row(sample).tobytes()) if self._counter else []
        if len(marks) != 2 + 2 * len(self._network.layers):
            raise NearwireError(f"the counting emulator saw {len(marks)} marks of {len(self._network.layers)} layers.")
        empty = marks[1] - marks[0]
        return [max(0, marks[k + 1] - marks[k] - empty) for k in range(2, len(marks), 2)]

    def _row(self, sample: Array) -> Array:
        return np.ascontiguousarray(check_samples(self._network, sample[None]))

    def _numbers(self, arguments: Sequence[str], samples: Array | None, kind: str, count: int) -> Array:
        size = np.dtype(kind).itemsize * count
        out = self._run(arguments, b"" if samples is None else samples.tobytes(), size + OUTPUT_FREE)
        if len(out) != size:
            raise NearwireError(f"the program of the build answered '{arguments[0]}' with {len(out)} bytes; {size} were expected.")
        values = np.frombuffer(out, kind).copy()
        if arguments[0] != "scores" and not np.all((values >= 0) & (values <= LONGEST_NS)):
            raise NearwireError(f"the program of the build answered '{arguments[0]}' with times that cannot be.")
        return values
