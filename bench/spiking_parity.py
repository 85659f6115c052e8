"""A spiking network, spike for spike, in everything that runs it: nearwire bench spiking_parity NETWORK [--samples 1000] [--labels 10000]

NETWORK: a trained spiking network, which is compiled. Every spike of every neuron at every step over --samples test images (and every membrane, where
a backend tells them), and the labels over --labels of them, against the integer law: ONNX Runtime, LiteRT, tflite-runtime, the C code on this
computer and on the emulated cores. Then the float form: model.nir, read by the package nir and run by snnTorch's importer, against
runtime/network/spiking/floating.py, and the accuracies of both forms. Exit code 1 if an integer differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nir
import numpy as np

from bench.support.nir_replay import by_snntorch
from compile.emit import nir as nir_emit
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.boards.board import board_names, load_board
from runtime.backends import Session
from runtime.backends.stepping import SpikingSession
from runtime.builds.checked import open_build
from runtime.data.dataset import load_dataset
from runtime.network import reference
from runtime.network.file import load
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Network
from runtime.network.spiking import coding, floating, integers
from runtime.remote.sessions import open_session
from runtime.zoo import resolve

BACKENDS = ("onnxruntime", "litert", "tflite-runtime", "c")
CORES = [name for name in board_names() if load_board(name).link == "unicorn"]
CHUNK = 500  # samples at a time: bounds the memory of traces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--data", help="default: the data it was trained on")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=10_000)
    parser.add_argument("--boards", nargs="*", default=CORES, metavar="NAME", help="emulated cores")
    parser.add_argument("--early-exit", type=float, metavar="LEAD", help="compile with this early exit")
    arguments = parser.parse_args()
    source = resolve(arguments.network)
    trained = load(source)
    data = load_dataset(arguments.data or str(trained.provenance["data"]))
    flat = np.ascontiguousarray(data.test.x.reshape(len(data.test.x), -1))
    first, truth = flat[: arguments.samples], data.test.y[: arguments.labels]
    differ = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "build"
        compile_network(source, folder, CompileOptions(data=arguments.data, early_exit=arguments.early_exit))
        build = open_build(folder)
        spiking = integers.spiking_of(build.network)
        expected = reference.labels(build.network, flat[: arguments.labels])
        print(f"{arguments.network}: {spiking.steps} steps, coding {spiking.coding}, reset {spiking.reset}, read-out {spiking.readout}")
        print(f"{'against the integer law':30}{'samples':>8}{'spikes':>10}{'of':>12}{'unlike':>8}{'membranes':>10}{'labels':>8}{'of':>8}{'s':>7}")
        for backend, device in [(backend, None) for backend in BACKENDS] + [("firmware", core) for core in arguments.boards]:
            started = time.perf_counter()
            with open_session(build, backend, device) as session:
                spikes, decisions, unlike, membranes = _compared(session, build.network, first)
                labels = int((session.scores(flat[: arguments.labels]).argmax(axis=1) != expected).sum())
            differ += unlike + (membranes or 0) + labels
            shown = "-" if membranes is None else membranes
            seconds = time.perf_counter() - started
            print(
                f"{device or backend:30}{len(first):8}{spikes:10}{decisions:12}{unlike:8}{shown:>10}{labels:8}{len(expected):8}{seconds:7.1f}",
                flush=True,
            )
        _float_form(trained, first, Path(name))
    real = reference.accuracy(trained, flat[: arguments.labels], truth)
    whole = float((expected == truth).mean())
    print(f"accuracy on {len(truth)} test samples: float {real:.4f}, integers {whole:.4f}, {100 * (real - whole):+.2f} points lost")
    sys.exit(1 if differ else 0)


def _compared(session: Session, network: Network, flat: Array) -> tuple[int, int, int, int | None]:
    """Spikes there are, neurons times steps, spikes and membranes unlike the law's; None where membranes are not told."""
    spikes = decisions = unlike = membranes = 0
    steps = integers.spiking_of(network).steps
    for at in range(0, len(flat), CHUNK):
        u = flat[at : at + CHUNK]
        law = integers.run(network, u)
        live = (np.arange(steps)[:, None] < law.executed)[..., None]
        for answer, target in zip(session.spikes(u), law.spikes, strict=True):
            spikes, decisions, unlike = spikes + int((target * live).sum()), decisions + target.size, unlike + int((answer != target * live).sum())
        if isinstance(session, SpikingSession):
            state = session.begin(u)
            for t in range(steps):
                state = session.step(state)
                membranes += sum(int((answer != target[t]).sum()) for answer, target in zip(state.membranes, law.membranes, strict=True))
    return spikes, decisions, unlike, membranes if isinstance(session, SpikingSession) else None


def _float_form(network: Network, flat: Array, folder: Path) -> None:
    spiking = integers.spiking_of(network)
    nir_emit.emit(network, folder)
    graph = nir.read(folder / nir_emit.FILE)
    spikes = decisions = unlike = 0
    touched = set()
    for at in range(0, len(flat), CHUNK):
        u = flat[at : at + CHUNK]
        expected = floating.run(network, u, [kind_of(layer).float_sums(layer) for layer in network.layers]).spikes
        direct = spiking.coding == "direct"
        inputs = np.repeat(network.input.to_real(u)[None], spiking.steps, axis=0) if direct else coding.encode(u, spiking).astype(np.float32)
        replayed = by_snntorch(graph, inputs)
        for layer, target in zip(network.layers, expected, strict=True):
            wrong = replayed[f"{layer.name}_lif"] != target.astype(np.uint8)
            spikes, decisions, unlike = spikes + int(target.sum()), decisions + target.size, unlike + int(wrong.sum())
            touched |= {at + int(k) for k in np.flatnonzero(wrong.any(axis=(0, 2)))}
    print(
        f"{'model.nir in snnTorch against the float form':44}{spikes:>10} spikes of {decisions}, {unlike} unlike, in {len(touched)} of {len(flat)} samples"
    )


if __name__ == "__main__":
    main()
