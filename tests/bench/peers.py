"""A box network against ordinary dense int8 networks, in one run: python -m tests.bench.peers [--network NAME] [--work DIR]

Trains the dense baselines 784-32-10 and 784-128-10 on MNIST (a minute each; kept in --work), compiles them and the network of the zoo, and prints
accuracy, flash, RAM and exact instructions on the emulated Cortex-M4, each as a ratio to the box network. The dense networks run on our own best
dense kernel, chosen for latency. Then single inferences on this computer, one thread: our C, LiteRT and ONNX Runtime, interleaved, each with
its own build of each network.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from compile.pipeline import CompileOptions, compile_network
from runtime.backends import backend
from runtime.bench import BenchOptions, bench
from runtime.build import open_build
from runtime.data import load_dataset
from runtime.manifest import Manifest
from runtime.zoo import resolve

BASELINES = {"784-32-10 dense": "32", "784-128-10 dense": "128"}
HOST = ("c", "tflite", "onnxruntime")


def trained(work: Path, hidden: str) -> Path:
    """The run folder of a dense baseline, trained unless it is there."""
    folder = work / f"dense-{hidden}"
    if not (folder / "network.safetensors").is_file():
        options = ["--data", "mnist", "--model", "dense", "--hidden", hidden, "--epochs", "20", "--batch", "100", "--rate", "0.04"]
        subprocess.run([sys.executable, "-m", "train", "fit", *options, "--out", str(folder)], check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mnist-2k")
    parser.add_argument("--work", type=Path, default=Path("runs/peers"))
    arguments = parser.parse_args()
    sources = {f"zoo:{arguments.network}": (resolve(f"zoo:{arguments.network}"), CompileOptions())}
    for name, hidden in BASELINES.items():
        sources[name] = (trained(arguments.work, hidden), CompileOptions(optimise="latency"))
    places = {name: arguments.work / "builds" / name.replace(":", "-").replace(" ", "-") for name in sources}
    manifests = {name: compile_network(path, places[name], options) for name, (path, options) in sources.items()}
    print_device(manifests)
    print_host(places)


def print_device(manifests: dict[str, Manifest]) -> None:
    first = next(iter(manifests.values()))
    print(f"{'emulated Cortex-M4':24}{'accuracy':>9}{'flash B':>10}{'ratio':>8}{'RAM B':>8}{'instructions':>14}{'ratio':>8}")
    for name, m in manifests.items():
        if not (m.size and m.cost and first.size and first.cost):
            raise SystemExit("nothing was measured: see python -m devices doctor")
        flash, work = m.size.flash_bytes, m.cost.instructions
        print(
            f"{name:24}{m.accuracy.quantised:9.4f}{flash:10,}{flash / first.size.flash_bytes:8.1f}{m.size.ram_bytes:8,}"
            f"{work:14,}{work / first.cost.instructions:8.1f}"
        )


def print_host(places: dict[str, Path]) -> None:
    samples = load_dataset("mnist").test.x[:8]
    usable = [name for name in HOST if backend(name).missing() is None]
    print(f"\n{'this computer, batch 1':24}{'backend':>14}{'P50 us':>9}{'P90 us':>9}{'ratio':>8}  executed by")
    fastest = None
    for name, folder in places.items():
        for row in bench(open_build(folder), usable, samples, BenchOptions(num_runs=5000, warmup_runs=500)).rows:
            fastest = fastest or row.p50_us or 1.0
            print(f"{name:24}{row.backend:>14}{row.p50_us:9.2f}{row.p90_us:9.2f}{(row.p50_us or 0) / fastest:8.1f}  {row.detail}")


if __name__ == "__main__":
    main()
