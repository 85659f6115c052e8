"""Memory of one backend: how much a process grows by opening a build and by running it.

Measured in a process of its own, so that one backend's libraries do not count for the next; read from /proc, so on Linux only. The figures
are what benchmark_model calls the footprint's delta from the start: what is there before anything is opened (Python, numpy, this package)
does not count.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from devices.errors import NearwireError

PROC = Path("/proc/self")
RUNS = 200
LIMIT_S = 300


@dataclass(frozen=True)
class Memory:
    """Growth of a process's resident memory, bytes."""

    init_bytes: int  # after the model was opened
    peak_bytes: int  # the largest growth of all, inferences included


def measure_memory(folder: Path, backend: str, threads: int = 1) -> Memory | None:
    """Memory of ``backend`` on the build in ``folder``; None where the system does not tell. NearwireError if the process fails."""
    if not (PROC / "status").is_file():
        return None
    command = [sys.executable, "-m", "runtime.memory", str(folder), backend, str(threads)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NearwireError(f"the memory of backend '{backend}' could not be measured: {error}.") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise NearwireError(f"the memory of backend '{backend}' could not be measured: its process ended with {done.returncode}: {last[0]}")
    return Memory(**json.loads(done.stdout))


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
    import numpy as np

    from runtime.build import open_build

    build = open_build(folder)
    samples = np.zeros((1, build.network.input.size), np.uint8)
    _forget_peak()
    start = _status("VmRSS")
    with build.session(backend, None, threads) as session:
        opened = _status("VmRSS")
        for _ in range(RUNS):
            session.scores(samples)
        return Memory(max(0, opened - start), max(0, _status("VmHWM") - start))


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))))
