"""The process that measures its own memory while it opens and runs a build: python -m runtime.measure.memory_process BUILD BACKEND THREADS."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from runtime.backends import open_here
from runtime.builds.checked import open_build
from runtime.measure.memory import PROC, Memory

RUNS = 200


def _status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    for line in (PROC / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # an old kernel: an earlier peak of the imports may count
        (PROC / "clear_refs").write_text("5")  # the peak becomes what is resident now


def _measure(folder: Path, backend: str, threads: int) -> Memory:
    build = open_build(folder)
    samples = np.zeros((1, build.network.input.size), np.uint8)
    _forget_peak()
    start = _status("VmRSS")
    with open_here(build, backend, threads) as session:
        opened = _status("VmRSS")
        for _ in range(RUNS):
            session.scores(samples)
        return Memory(max(0, opened - start), max(0, _status("VmHWM") - start))


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))))
