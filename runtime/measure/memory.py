"""Memory of one backend: how much a process grows by opening a build and by running it.

Measured in a process of its own, so that one backend's libraries do not count for the next; read from /proc, so on Linux only. The figures
are what benchmark_model calls the footprint's delta from the start: what is there before anything is opened (Python, numpy, this package)
does not count.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devices.common import child
from devices.errors import NearwireError

PROC = Path("/proc/self")
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
    command = child.command("runtime.measure.memory_process", str(folder), backend, str(threads))
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NearwireError(f"the memory of backend '{backend}' could not be measured: {error}.") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise NearwireError(f"the memory of backend '{backend}' could not be measured: its process ended with {done.returncode}: {last[0]}")
    return Memory(**json.loads(done.stdout))
