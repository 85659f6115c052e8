"""A spiking network, spike for spike, in everything that steps: python -m tests.bench.spiking_parity NETWORK [--samples 1000] [--labels 10000]

NETWORK: a trained spiking network, which is quantised here. Every spike and membrane of every neuron at every step over --samples test images, and
the labels over --labels of them: ONNX Runtime, LiteRT and tflite-runtime against the integer law. Then the float form: model.nir, read by the package
nir and run by snnTorch's importer, against runtime/spiking/floating.py, and the accuracies of both forms. Exit code 1 if an integer differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nir
import numpy as np

from compile.emit import nir as nir_emit
from compile.emit import onnx, tflite
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from compile.pipeline import CALIBRATION_SAMPLES
from runtime import reference
from runtime.backends import backend
from runtime.backends.stepping import SpikingSession
from runtime.data import load_dataset
from runtime.kinds import kind_of
from runtime.network import Array, Network, load, save
from runtime.spiking import coding, floating, integers
from runtime.zoo import resolve
from tests.nir_replay import by_snntorch

BACKENDS = ("onnxruntime", "litert", "tflite-runtime")
CHUNK = 500  # samples at a time: bounds the memory of traces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("--data", help="default: the data it was trained on")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--labels", type=int, default=10_000)
    arguments = parser.parse_args()
    trained = load(resolve(arguments.network))
    data = load_dataset(arguments.data or str(trained.provenance["data"]))
    quantised = quantise(prune(freeze(trained), 0.0), data.train.x[:CALIBRATION_SAMPLES])
    flat = np.ascontiguousarray(data.test.x.reshape(len(data.test.x), -1))
    wanted = reference.labels(quantised, flat[: arguments.labels])
    truth = data.test.y[: arguments.labels]
    spiking = integers.spiking_of(quantised)
    print(f"{arguments.network}: {spiking.steps} steps, coding {spiking.coding}, reset {spiking.reset}, read-out {spiking.readout}")
    print(f"{'against the integer law':26}{'samples':>8}{'spikes':>10}{'of':>12}{'unlike':>8}{'membranes':>10}{'labels':>8}{'of':>8}{'s':>7}")
    differ = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        onnx.emit(quantised, folder)
        tflite.emit(quantised, folder)
        save(quantised, folder / "network.safetensors")
        for each in BACKENDS:
            started = time.perf_counter()
            with backend(each).open(folder, quantised) as session:
                assert isinstance(session, SpikingSession)
                spikes, decisions, unlike, membranes = _steps(session, quantised, flat[: arguments.samples])
                labels = int((session.scores(flat[: arguments.labels]).argmax(axis=1) != wanted).sum())
            differ += unlike + membranes + labels
            seconds = time.perf_counter() - started
            print(
                f"{each:26}{min(arguments.samples, len(flat)):8}{spikes:10}{decisions:12}{unlike:8}{membranes:10}{labels:8}{len(wanted):8}{seconds:7.1f}",
                flush=True,
            )
        _float_form(trained, flat[: arguments.samples], folder)
    real = reference.accuracy(trained, flat[: arguments.labels], truth)
    whole = float((wanted == truth).mean())
    print(f"accuracy on {len(truth)} test samples: float {real:.4f}, integers {whole:.4f}, {100 * (real - whole):+.2f} points lost")
    sys.exit(1 if differ else 0)


def _steps(session: SpikingSession, network: Network, flat: Array) -> tuple[int, int, int, int]:
    """Spikes there are, neurons times steps, spikes and membranes unlike the law's."""
    spikes = decisions = unlike = membranes = 0
    for at in range(0, len(flat), CHUNK):
        u = flat[at : at + CHUNK]
        wanted, state = integers.run(network, u), session.begin(u)
        for t in range(integers.spiking_of(network).steps):
            state = session.step(state)
            for k in range(len(network.layers)):
                spikes += int(wanted.spikes[k][t].sum())
                decisions += wanted.spikes[k][t].size
                unlike += int((state.spikes[k] != wanted.spikes[k][t]).sum())
                membranes += int((state.membranes[k] != wanted.membranes[k][t]).sum())
    return spikes, decisions, unlike, membranes


def _float_form(network: Network, flat: Array, folder: Path) -> None:
    spiking = integers.spiking_of(network)
    nir_emit.emit(network, folder)
    graph = nir.read(folder / nir_emit.FILE)
    spikes = decisions = unlike = 0
    touched = set()
    for at in range(0, len(flat), CHUNK):
        u = flat[at : at + CHUNK]
        wanted = floating.run(network, u, [kind_of(layer).float_sums(layer) for layer in network.layers]).spikes
        direct = spiking.coding == "direct"
        inputs = np.repeat(network.input.to_real(u)[None], spiking.steps, axis=0) if direct else coding.encode(u, spiking).astype(np.float32)
        found = by_snntorch(graph, inputs)
        for layer, each in zip(network.layers, wanted, strict=True):
            wrong = found[f"{layer.name}_lif"] != each.astype(np.uint8)
            spikes, decisions, unlike = spikes + int(each.sum()), decisions + each.size, unlike + int(wrong.sum())
            touched |= {at + int(k) for k in np.flatnonzero(wrong.any(axis=(0, 2)))}
    print(
        f"{'model.nir in snnTorch against the float form':44}{spikes:>10} spikes of {decisions}, {unlike} unlike, in {len(touched)} of {len(flat)} samples"
    )


if __name__ == "__main__":
    main()
