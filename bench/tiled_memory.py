"""Peak memory and time of a large spatial layer, weights kept against made again tile by tile: nearwire bench tiled_memory

Each variant runs in a process of its own and reports the highest resident memory over what it had before. First one training step of the layer
alone, forward and backward, the fastest of some; then a whole run of ``train fit``, from random data to the file that is written and measured.
Exit code 3 if the tiled step needs more than --memory of the other's memory or more than --time of its time, or the tiled run more memory than that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

from devices.common import child
from runtime.data.dataset import Dataset, Split
from runtime.network.network import InputSpec
from train.config import TrainConfig
from train.layers.wiring import rule, spatial_product
from train.library import fit

VARIANTS = ("step stored", "step tiled", "run stored", "run tiled")


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


def measure_run(size: int, batch: int, tiled: bool) -> dict[str, float]:
    """One epoch of two steps of size - size - 10 in this process, pruned, and all that follows it."""
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (2 * batch, size), np.uint8), rng.integers(0, 10, 2 * batch))
    spec = InputSpec((size,))
    data = Dataset("random", spec.shape, tuple("0123456789"), spec, split, split, split)
    config = TrainConfig(hidden=(size,), batch=batch, epochs=1, prune=0.5, weights="tiled" if tiled else "stored")
    peak, before, begin = Peak(), resident(), time.perf_counter()
    peak.start()
    fit(config, data)
    peak.done = True
    peak.join()
    return {"bytes": float(peak.highest - before), "seconds": time.perf_counter() - begin}


def main() -> int:
    """Run all and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=16_384, help="neurons on either side (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="samples (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=2, help="steps of each (default: %(default)s)")
    parser.add_argument("--memory", type=float, default=0.1, help="largest ratio of memory that passes (default: %(default)s)")
    parser.add_argument("--time", type=float, default=2.0, help="largest ratio of time that passes (default: %(default)s)")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.variant:
        what, _, how = arguments.variant.partition(" ")
        sizes = arguments.size, arguments.batch, how == "tiled"
        print(json.dumps(measure(*sizes, arguments.steps) if what == "step" else measure_run(*sizes)))
        return 0
    figures = {}
    for variant in VARIANTS:
        words = child.command("bench.tiled_memory", "--variant", variant)
        for name in ("size", "batch", "steps"):
            words += [f"--{name}", str(getattr(arguments, name))]
        figures[variant] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(f"{variant:12s}{figures[variant]['bytes'] / 2**20:9.1f} MiB{figures[variant]['seconds']:9.3f} s")
    ratios = {
        (what, name): figures[f"{what} tiled"][name] / figures[f"{what} stored"][name] for what in ("step", "run") for name in ("bytes", "seconds")
    }
    for what in ("step", "run"):
        print(f"{what}, tiled / stored: memory {ratios[what, 'bytes']:.3f}, time {ratios[what, 'seconds']:.2f}")
    print(f"limits: memory {arguments.memory}, time of a step {arguments.time}; batch {arguments.batch}")
    return 0 if max(ratios["step", "bytes"], ratios["run", "bytes"]) <= arguments.memory and ratios["step", "seconds"] <= arguments.time else 3


if __name__ == "__main__":
    sys.exit(main())
