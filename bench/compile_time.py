"""CPU seconds and peak memory of compiling every network of the zoo and some at the end of the scale: nearwire bench compile_time

Each is compiled by a process of its own with one thread for its arithmetic; counted are user and system time of it and of all processes that it starts
(compilers). --beside CHECKOUT compiles with another checkout too, one behind the other, and says the ratio. A compile that ends with an error is
counted as well: the last cases are refused on small boards. Data of the scale cases: random bytes, 1,000 test samples.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.support.networks import float_network
from devices.common.console import print_table
from runtime.network.check import validate
from runtime.network.file import save
from runtime.network.network import InputSpec, Layer, Network
from runtime.zoo import names

ROOT = Path(__file__).parents[1]
SAMPLES, TEST_SAMPLES = 600, 1000
NEURONS, SIDE = 128, 255  # of the layer of fields


@dataclass(frozen=True)
class Case:
    """What is compiled: a network of the zoo, or one that is made here."""

    words: tuple[str, ...]  # options of the compile
    make: Callable[[], Network] | None = None


@dataclass(frozen=True)
class Spent:
    """What one compile took."""

    cpu_s: float
    wall_s: float
    peak_mb: float  # of its largest process
    outcome: str  # 'built', or the first words of the error


def fields() -> Network:
    """Box fields over 255 x 255 cells, the largest grid, and a dense head."""
    rng = np.random.default_rng(0)
    arrays = {
        "position": (rng.random((NEURONS, 4, 2)) * SIDE).astype(np.float32),
        "reach": (1 + rng.random((NEURONS, 4, 2)) * SIDE / 3).astype(np.float32),
        "charge": rng.normal(0, 0.3, (NEURONS, 4)).astype(np.float32),
        "bias": rng.normal(0, 0.1, NEURONS).astype(np.float32),
    }
    options = {"rule": "box", "grid": [SIDE, SIDE], "channels": 1}
    first = Layer("layer0", "field", SIDE * SIDE, NEURONS, "relu", arrays, options)
    head = float_network((NEURONS, 10)).layers[0]
    layers = (first, Layer("layer1", "dense", NEURONS, 10, "none", head.arrays))
    return validate(Network(layers, InputSpec((SIDE, SIDE)), tuple(map(str, range(10)))))


WIDE = (784, 4096, 4096, 10)
SCALE = {
    "dense 784-4096-4096-10": Case((), lambda: float_network(WIDE)),
    "dense 784-4096-4096-10 on host": Case(("--board", "host"), lambda: float_network(WIDE)),
    "spatial 784-4096-4096-10": Case((), lambda: float_network(WIDE, "spatial")),
    "10,000 classes": Case((), lambda: float_network((64, 32, 10_000))),
    "10,000 classes on host": Case(("--board", "host"), lambda: float_network((64, 32, 10_000))),
    "fields on 255 x 255": Case((), fields),
    "fields on 255 x 255 on host": Case(("--board", "host"), fields),
}


def cases() -> dict[str, Case]:
    """All of them by name."""
    return {**{name: Case((f"zoo:{name}",)) for name in names()}, **SCALE}


def files(case: Case, folder: Path) -> tuple[str, ...]:
    """The words of the compile, after a made network and its data are written into the folder."""
    if case.make is None:
        return case.words
    network, rng = case.make(), np.random.default_rng(1)
    save(network, folder / "network.safetensors")
    classes, size = len(network.classes), network.input.size
    train = np.arange(max(SAMPLES, classes)) % classes
    test = rng.integers(0, classes, TEST_SAMPLES)
    pixels = {name: rng.integers(0, 256, (len(y), *network.input.shape), np.uint8) for name, y in (("x", train), ("x_test", test))}
    np.savez(folder / "data.npz", **pixels, y=train, y_test=test, classes=np.array(network.classes))
    return str(folder), *case.words, "--data", str(folder / "data.npz"), *(("--no-report-samples",) if size > 10_000 else ())


def compiled(root: Path, words: tuple[str, ...], out: Path) -> Spent:
    """One compile with the checkout at ``root``."""
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    begin = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        command = [sys.executable, "-m", "compile", *words, "--out", str(out)]
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read().strip().splitlines()
    outcome = "built" if process.returncode == 0 else f"exit {process.returncode}: {text[-1] if text else ''}"[:120]
    return Spent(used.ru_utime + used.ru_stime, time.monotonic() - begin, used.ru_maxrss / 1024, outcome)


def main() -> int:
    """Compile and print."""
    known = cases()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"what to compile (default: all): {', '.join(known)}")
    parser.add_argument("--beside", type=Path, help="another checkout to compare with")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}. Known: {', '.join(known)}.")
    rows = []
    for name in asked.names or known:
        with tempfile.TemporaryDirectory(prefix="nearwire-") as made:
            words = files(known[name], Path(made))
            roots = [*([asked.beside.resolve()] if asked.beside else []), ROOT]
            spent = [compiled(root, words, Path(made) / f"build{k}") for k, root in enumerate(roots)]
        before = [f"{spent[0].cpu_s:.2f}", f"{spent[0].peak_mb:.0f}", f"{spent[1].cpu_s / spent[0].cpu_s:.2f}"] if asked.beside else []
        rows.append([name, f"{spent[-1].cpu_s:.2f}", f"{spent[-1].wall_s:.1f}", f"{spent[-1].peak_mb:.0f}", *before, spent[-1].outcome])
        print(f"{name}: {rows[-1][1]} s", file=sys.stderr, flush=True)
    more = ["CPU s beside", "MB beside", "ratio"] if asked.beside else []
    print_table("compiling", ["network", "CPU s", "wall s", "peak MB", *more, "outcome"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
