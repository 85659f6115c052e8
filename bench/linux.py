"""A box network against ordinary dense int8 networks on Linux: nearwire bench linux [--network NAME] [--work DIR] [--device NAMES]

In one run: our C, LiteRT and ONNX Runtime, each on its own build of the box network and of a dense 784-128-10 (trained by bench.peers, kept in
--work) on this computer, one thread, batch 1, interleaved; and instructions of one inference on emulated Cortex-A53, A72 and A76. Printed: the
figure of every pair and its ratio to the box network in our C; what the timing loop costs; and csr_s8 at 90 % of a random 784-2048-10.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from bench.peers import BASELINES, trained
from bench.support.networks import integer_network
from compile.emit.c import steady as c
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.computers import boards_of
from runtime.backends import backend
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.data.inputs import stored_samples
from runtime.measure.bench import BenchOptions
from runtime.measure.devices import bench_devices
from runtime.network.file import save
from runtime.network.network import Network
from runtime.zoo import resolve

BACKENDS = ("c", "litert", "onnxruntime")
DEVICES = "host,emulated-pi3,emulated-pi4,emulated-pi5"
OPTIONS = BenchOptions(num_runs=2000, warmup_runs=500, min_secs=1.0)


def sparse_build(work: Path, density: float, store: str) -> Build:
    """A random 784-2048-10 of that density, its first layer stored as told; only the files that backends read."""
    quantised = integer_network((784, 2048, 10), density, seed=1)
    layers = tuple(replace(layer, store=store) for layer in quantised.layers)
    network: Network = quantised.with_layers(layers, "stored")
    folder = work / f"random-{store}-{density:g}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        save(network, folder / "network.safetensors")
        c.emit(network, folder)
        onnx.emit(network, folder)
        tflite.emit(network, folder)
    return Build(folder, network)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mnist-4k")
    parser.add_argument("--work", type=Path, default=Path("runs/peers"))
    parser.add_argument("--device", default=DEVICES)
    arguments = parser.parse_args()
    box, dense = (arguments.work / "linux" / name for name in (arguments.network, "dense-128"))
    compile_network(resolve(f"zoo:{arguments.network}"), box, CompileOptions(board="host"))
    compile_network(trained(arguments.work, *BASELINES["784-128-10 dense"]), dense, CompileOptions(board="host", optimise="latency"))
    usable = [name for name in BACKENDS if backend(name).missing() is None]
    builds = {arguments.network: open_build(box), "784-128-10 dense": open_build(dense)}
    print_pairs("a box network against a dense one", builds, arguments.device, usable)
    sparse = {"784-2048-10, 90 % zero": sparse_build(arguments.work, 0.1, "csr_s8")}
    print_pairs("csr_s8 at 90 %", sparse, arguments.device, usable)


def print_pairs(title: str, builds: dict[str, Build], devices: str, usable: list[str]) -> None:
    """Each device's rows, the first build in our C being 1."""
    print(f"\n{title}\n{'device':16}{'network':26}{'backend':14}{'P50 us':>9}{'instructions':>14}{'ratio':>8}{'loop ns':>9}  executed by")
    for board in boards_of(devices):
        base: float | None = None
        for name, build in builds.items():
            samples = stored_samples(build.folder, build.network)
            (report,) = bench_devices(build, [board], usable, samples, OPTIONS)
            for row in report.rows:
                cost = row.p50_us or row.instructions or 0.0
                base = base or cost
                time, loop = (f"{row.p50_us:.2f}", f"{(row.timer_us or 0) * 1000:.0f}") if row.p50_us else ("-", "-")
                count = f"{row.instructions:,.0f}" if row.instructions else "-"
                print(f"{board.name:16}{name:26}{row.backend:14}{time:>9}{count:>14}{cost / base:8.2f}{loop:>9}  {row.detail}", flush=True)
            for reason in (*report.invalid, *report.notes):
                print(f"{'':16}{reason}")


if __name__ == "__main__":
    main()
