"""Peak memory and time of one training step of a large spatial layer, weights kept against made again tile by tile: python tests/bench/tiled_memory.py

Each variant runs in a process of its own, forward and backward, and reports the highest resident memory over what it had before the layer,
and its fastest step. Exit code 3 if the tiled one needs more than --memory of the other's memory or more than --time of its time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch

from train.wiring import rule, spatial_product


def resident() -> int:
    """Bytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


class Peak(threading.Thread):
    """Samples the resident memory every millisecond."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.highest, self.done = 0, False

    def run(self) -> None:
        while not self.done:
            self.highest = max(self.highest, resident())
            time.sleep(0.001)


def measure(size: int, batch: int, tiled: bool, steps: int) -> dict[str, float]:
    """One variant in this process."""
    torch.manual_seed(0)
    tensors = [torch.randn(shape, requires_grad=True) for shape in ((batch, size), (size,), (size, 2), (size, 2))]
    gap, bias = torch.tensor(1.0, requires_grad=True), torch.zeros(size, requires_grad=True)
    (torch.rand(64, 64) @ torch.rand(64, 64)).sum()  # what the first product loads is nobody's
    peak, before, seconds = Peak(), resident(), []
    peak.start()
    for _ in range(steps):
        begin = time.perf_counter()
        spatial_product(*tensors, gap, bias, rule("inverse"), tiled=tiled).sum().backward()
        seconds.append(time.perf_counter() - begin)
    peak.done = True
    peak.join()
    return {"bytes": float(peak.highest - before), "seconds": min(seconds)}


def main() -> int:
    """Run both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=16_384, help="neurons on either side (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="samples (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2, help="steps of each (default: %(default)s)")
    parser.add_argument("--memory", type=float, default=0.1, help="largest ratio of memory that passes (default: %(default)s)")
    parser.add_argument("--time", type=float, default=2.0, help="largest ratio of time that passes (default: %(default)s)")
    parser.add_argument("--variant", choices=("stored", "tiled"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.variant:
        print(json.dumps(measure(arguments.size, arguments.batch, arguments.variant == "tiled", arguments.steps)))
        return 0
    found = {}
    for variant in ("stored", "tiled"):
        words = [sys.executable, "-m", "tests.bench.tiled_memory", "--variant", variant]
        for name in ("size", "batch", "steps"):
            words += [f"--{name}", str(getattr(arguments, name))]
        found[variant] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(f"{variant:8s}{found[variant]['bytes'] / 2**20:9.1f} MiB{found[variant]['seconds']:9.3f} s a step")
    memory, duration = (found["tiled"][name] / found["stored"][name] for name in ("bytes", "seconds"))
    print(f"tiled / stored: memory {memory:.3f} (limit {arguments.memory}), time {duration:.2f} (limit {arguments.time}), batch {arguments.batch}")
    return 0 if memory <= arguments.memory and duration <= arguments.time else 3


if __name__ == "__main__":
    sys.exit(main())
