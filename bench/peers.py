"""A box network against ordinary dense int8 networks, in one run: nearwire bench peers [--network NAME] [--work DIR] [--write]

Trains the dense baselines 784-32-10 and 784-128-10 on MNIST, and from the latter one with a tenth of its weights (a minute each; kept in
--work), compiles them and the network of the zoo, and prints accuracy, flash, RAM and exact instructions on the emulated Cortex-M4, each as a
ratio to the box network. The dense networks run on our own best kernels, chosen for latency, and once more as emlearn deploys them: compiled by
the same compiler and counted on the same core, which for its float arithmetic has an FPU. Then single inferences on this computer, one thread:
our C, LiteRT and ONNX Runtime, interleaved, each with its own build of each network. --write keeps the figures of the emulated core in
bench/records/peers.json and puts their table into the README. Needs the extra 'bench'.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.peer_table import Peer, write
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.common import child
from runtime.backends import backend
from runtime.builds.checked import open_build
from runtime.builds.manifest import Manifest
from runtime.data.dataset import load_dataset
from runtime.measure.bench import BenchOptions, bench
from runtime.network.file import load
from runtime.zoo import resolve

try:
    from bench.emlearn_peer import PeerFigures, measure
except ModuleNotFoundError as error:
    raise SystemExit(f"the package '{error.name}' is not installed. Run: pip install 'nearwire[bench]'") from None

DENSE = ("--data", "mnist", "--model", "dense", "--batch", "100")
# How a baseline is trained; {work} is where they are kept. Both layers of the sparse one keep a tenth of their weights.
BASELINES = {
    "784-32-10 dense": ("dense-32", (*DENSE, "--hidden", "32", "--epochs", "20", "--rate", "0.04")),
    "784-128-10 dense": ("dense-128", (*DENSE, "--hidden", "128", "--epochs", "20", "--rate", "0.04")),
    "784-128-10, 90 % of both layers pruned": (
        "sparse-128",
        (*DENSE, "--hidden", "128", "--epochs", "20", "--rate", "0.04", "--prune", "0.9", "--init", "{work}/dense-128"),
    ),
}
EMLEARN = ("784-32-10 dense", "784-128-10 dense")
HOST = ("c", "tflite", "onnxruntime")


def trained(work: Path, folder: str, options: Sequence[str]) -> Path:
    """The run folder of a baseline, trained unless it is there."""
    path = work / folder
    if not (path / "network.safetensors").is_file():
        words = [option.format(work=work) for option in options]
        subprocess.run(child.command("nearwire", "train", "fit", *words, "--out", str(path)), check=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mnist-2k")
    parser.add_argument("--work", type=Path, default=Path("runs/peers"))
    parser.add_argument("--write", action="store_true", help="keep the record and put its table into README.md")
    arguments = parser.parse_args()
    sources = {f"zoo:{arguments.network}": (resolve(f"zoo:{arguments.network}"), CompileOptions())}
    for name, (folder, options) in BASELINES.items():
        sources[name] = (trained(arguments.work, folder, options), CompileOptions(optimise="latency"))
    folders = {name: arguments.work / "builds" / name.replace(":", "-").replace(" ", "-") for name in sources}
    manifests = {name: compile_network(path, folders[name], options) for name, (path, options) in sources.items()}
    emlearn = {name: measure(load(sources[name][0] / "network.safetensors"), load_dataset("mnist")) for name in EMLEARN}
    peers = on_the_core(manifests, emlearn)
    print_device(peers)
    if arguments.write:
        write(peers)
    print_host(folders)


def on_the_core(manifests: dict[str, Manifest], emlearn: dict[str, PeerFigures]) -> list[Peer]:
    """The rows of the table: ours, and each dense network as we and as emlearn deploy it."""
    peers = []
    for name, m in manifests.items():
        if not (m.size and m.cost):
            raise SystemExit("nothing was measured: see nearwire devices doctor")
        label = name.removeprefix("zoo:") if name.startswith("zoo:") else f"{name}, int8"
        peers.append(Peer(label, m.accuracy.quantised, m.size.flash_bytes, m.size.ram_bytes, m.cost.instructions, m.cost.compiler))
    for name, p in emlearn.items():
        peers.append(Peer(f"{name}, emlearn, float", p.accuracy, p.flash_bytes, p.ram_bytes, p.instructions, p.compiler))
    return peers


def print_device(peers: Sequence[Peer]) -> None:
    first = peers[0]
    print(f"{'emulated Cortex-M4':50}{'accuracy':>9}{'flash B':>10}{'ratio':>8}{'RAM B':>8}{'instructions':>14}{'ratio':>8}  compiled by")
    for p in peers:
        flash, work = p.flash_bytes / first.flash_bytes, p.instructions / first.instructions
        print(f"{p.name:50}{p.accuracy:9.4f}{p.flash_bytes:10,}{flash:8.1f}{p.ram_bytes:8,}{p.instructions:14,}{work:8.1f}  {p.compiler}")


def print_host(folders: dict[str, Path]) -> None:
    samples = load_dataset("mnist").test.x[:8]
    usable = [name for name in HOST if backend(name).missing() is None]
    print(f"\n{'this computer, batch 1':36}{'backend':>14}{'P50 us':>9}{'P90 us':>9}{'ratio':>8}  executed by")
    fastest = None
    for name, folder in folders.items():
        for row in bench(open_build(folder), usable, samples, BenchOptions(num_runs=5000, warmup_runs=500)).rows:
            fastest = fastest or row.p50_us or 1.0
            print(f"{name:36}{row.backend:>14}{row.p50_us:9.2f}{row.p90_us:9.2f}{(row.p50_us or 0) / fastest:8.1f}  {row.detail}")


if __name__ == "__main__":
    main()
