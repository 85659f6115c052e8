"""Exact instructions of spiking networks on an emulated core, and the coefficients of their cost model.

nearwire bench spiking_kernels                the model's error on random networks
nearwire bench spiking_kernels --fit          print the tables [cost.events_s8] and [cost.lif_s16]; with --write they go into the board's file
--board NAME (default emulated-cortex-m4)
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from bench.kernels import measure, random_samples, replace_table
from bench.support.networks import spiking_network
from compile.formats import FORMATS, format_named, neurons
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from devices.boards.board import FOLDER, Board, load_board
from devices.cost.model import CODE_BYTES, ERROR_PERCENT, predict
from runtime.network.network import Array, Network

FITTED, CHECKED = 40, 12  # random networks
SAMPLES = 3
EVENTS = "events_s8"
BYTES = "dense_s8"  # what else a layer may sum its spikes with


def random_network(rng: np.random.Generator, seed: int) -> Network:
    """Two to four layers, calibrated on the samples that ``measure`` takes, so that their activity is exactly known."""
    sizes = [int(np.exp(rng.uniform(np.log(low), np.log(high)))) for low, high in ((8, 300), (20, 200), (3, 100), (1, 40))[: int(rng.integers(2, 5))]]
    constants = {
        "steps": int(rng.integers(2, 13)),
        "beta": float(1 - np.exp(rng.uniform(-5, -0.5))),  # some wait long for their spikes
        "threshold": float(np.exp(rng.uniform(-2.5, 1.5))),
        "readout": str(rng.choice(("count", "membrane", "first"))),
    }
    network = spiking_network("dense", (*sizes, int(rng.integers(2, 14))), seed, **constants)
    network = quantise(prune(freeze(network), 0.0), random_samples(network, SAMPLES))
    stores = [BYTES if k == 0 or rng.random() < 0.25 else EVENTS for k in range(len(network.layers))]
    return network.with_layers(tuple(replace(layer, store=store) for layer, store in zip(network.layers, stores, strict=True)), "stored")


@dataclass(frozen=True)
class Counted:
    """Layers of random networks: features of both tables, instructions less what other tables predict, and all instructions."""

    features: Array
    own: Array
    total: Array
    code: dict[str, int]  # bytes of both kernels


def counted(board: Board, rng: np.random.Generator, seeds: range) -> Counted:
    rows, own, total, code = [], [], [], {}
    for seed in seeds:
        network = random_network(rng, seed)
        spiking = network.spiking
        assert spiking is not None
        figures, lengths = measure(network, board, SAMPLES)
        for name, prefix in ((EVENTS, f"nearwire_{EVENTS}"), (neurons.TABLE, "nearwire_lif")):
            code[name] = max(code.get(name, 0), sum(size for symbol, size in lengths.items() if symbol.startswith(prefix)))
        for layer in network.layers:
            store = layer.store or ""
            events = format_named(store).layer_features(layer) if store == EVENTS else dict.fromkeys(FORMATS[EVENTS].features_of, 0.0)
            often = spiking.steps if "lift" in layer.options else 1
            known = 0 if store == EVENTS else often * predict(store, format_named(store).layer_features(layer), board)
            rows.append(
                [often * value for value in events.values()] + list(neurons.features(layer, spiking, store, layer is network.layers[-1]).values())
            )
            own.append(figures.layer_instructions[layer.name] - known)
            total.append(figures.layer_instructions[layer.name])
    return Counted(np.array(rows, float), np.array(own), np.array(total), code)


def fit(board: Board) -> dict[str, dict[str, float]]:
    """Both tables, fitted together: no layer runs one kernel without the other."""
    rng = np.random.default_rng(7)
    fitted = counted(board, rng, range(FITTED))
    weight = 1 / (fitted.total + 100)
    solution, _ = nnls(fitted.features * weight[:, None], fitted.own * weight)
    rounded = np.round(solution, 2)
    more = counted(board, rng, range(FITTED, FITTED + CHECKED))
    error = np.abs(np.concatenate([fitted.features @ rounded - fitted.own, more.features @ rounded - more.own]))
    total = np.concatenate([fitted.total, more.total])
    largest = round(100 * float((error / total)[total > 500].max()), 1)
    split = len(FORMATS[EVENTS].features_of)
    tables = {}
    for name, names, part in ((EVENTS, FORMATS[EVENTS].features_of, rounded[:split]), (neurons.TABLE, neurons.FEATURES, rounded[split:])):
        tables[name] = {**dict(zip(names, part.tolist(), strict=True)), CODE_BYTES: fitted.code[name], ERROR_PERCENT: largest}
    return tables


def errors(board: Board, networks: int = 20) -> Array:
    """Relative errors of whole networks that the fit has not seen."""
    rng = np.random.default_rng(2024)
    relative = []
    for seed in range(networks):
        network = random_network(rng, 1000 + seed)
        figures, _ = measure(network, board, SAMPLES)
        assert network.spiking is not None
        predicted = sum(neurons.predicted(layer, network.spiking, layer.store or "", layer is network.layers[-1], board) for layer in network.layers)
        relative.append((predicted - figures.instructions_mean) / figures.instructions_mean)
    return np.array(relative)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", default="emulated-cortex-m4")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--write", action="store_true", help="with --fit: put the tables into the board's file")
    arguments = parser.parse_args()
    board = load_board(arguments.board)
    if not arguments.fit:
        deviations = np.abs(errors(board))
        print(
            f"{board.name}: {len(deviations)} random spiking networks, error of the predicted instructions: mean {100 * deviations.mean():.1f} %, largest {100 * deviations.max():.1f} %"
        )
        return
    for name, table in fit(board).items():
        text = f"[cost.{name}]\n" + "".join(f"{key} = {value:g}\n" for key, value in table.items())
        print(text)
        if arguments.write:
            replace_table(FOLDER / f"{board.name}.toml", name, text)


if __name__ == "__main__":
    main()
