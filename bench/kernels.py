"""Exact instructions of the kernels on an emulated core, and the coefficients of its instruction model.

nearwire bench kernels                        the table of figures and the model's error on networks it was not fitted on
nearwire bench kernels --fit [FORMAT ...]     measure random layers, print the [cost.FORMAT] tables for the board's TOML; with --write
                                                     they replace those in the board's file
--board NAME (default emulated-cortex-m4)
"""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from bench.support.formats import network_for, with_format
from bench.support.networks import integer_network
from compile.emit.c import steady as c
from compile.formats import FORMATS, Format
from compile.passes.store import store
from devices.boards.board import FOLDER, Board, load_board
from devices.cost.model import CODE_BYTES, ERROR_PERCENT
from runtime.backends.firmware.core import FirmwareSession
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.network.network import Array, Network
from runtime.network.reference import trace

FITTED = 24  # random networks of two to four layers a format
CHECKED = 8  # further ones that show the error
PREDICTED = 20  # networks of the table
VALUES = [name for name, item in FORMATS.items() if not item.events]  # formats of layers that read values; the others: bench.spiking_kernels
SHAPES = (((784, 32, 10), 1.0), ((784, 256, 10), 1.0), ((784, 256, 10), 0.2), ((784, 256, 10), 0.1))


def with_activity(network: Network, samples: Array) -> Network:
    """Each layer told which share of its inputs is not zero for these samples."""
    inputs = [samples, *trace(network, samples)[:-1]]
    layers = [layer.with_options(activity=float((values != 0).mean())) for layer, values in zip(network.layers, inputs, strict=True)]
    return network.with_layers(tuple(layers))


def random_samples(network: Network, count: int) -> Array:
    return np.random.default_rng(1).integers(0, 256, (count, network.input.size)).astype(np.uint8)


def measure(network: Network, board: Board, samples: int = 3) -> tuple[FirmwareFigures, dict[str, int]]:
    """Figures over random samples, and the bytes of every function of the program."""
    with tempfile.TemporaryDirectory() as folder:
        c.emit(network, Path(folder))
        with FirmwareSession(Path(folder), network, board) as session:
            figures = session.figures(random_samples(network, samples))
            return figures, dict(session.image.lengths)


def counted(item: Format, board: Board, rng: np.random.Generator, seeds: range) -> tuple[Array, Array, int]:
    """(layers, features) how often, (layers,) instructions of random layers, and the kernel's bytes."""
    rows, counts, code = [], [], 0
    for seed in seeds:
        network = with_format(network_for(item, rng, seed), item.name)
        network = with_activity(network, random_samples(network, 2))
        figures, lengths = measure(network, board, 2)
        code = sum(size for name, size in lengths.items() if name.startswith(f"nearwire_{item.name}"))
        for layer in network.layers:
            if layer.store == item.name:
                features = item.layer_features(layer)
                rows.append([features[name] for name in item.features_of])
                counts.append(figures.layer_instructions[layer.name])
    return np.array(rows, float), np.array(counts), code


def fit(item: Format, board: Board) -> dict[str, float]:
    """The format's cost table. No coefficient is negative: where features depend on each other, a negative one would be wrong elsewhere.

    The error is the largest of a layer over 500 instructions, in the networks of the fit and in as many again that it has not seen.
    """
    rng = np.random.default_rng(7)
    features, counts, code = counted(item, board, rng, range(FITTED))
    weight = 1 / (counts + 100)  # relative errors, but tiny layers do not decide
    solution, _ = nnls(features * weight[:, None], counts * weight)
    rounded = np.round(solution, 2)
    more_features, more_counts, _ = counted(item, board, rng, range(FITTED, FITTED + CHECKED))
    everything = np.concatenate([counts, more_counts])
    error = np.abs(np.concatenate([features, more_features]) @ rounded - everything) / everything
    table = dict(zip(item.features_of, rounded.tolist(), strict=True))
    return {**table, CODE_BYTES: code, ERROR_PERCENT: round(100 * float(error[everything > 500].max()), 1)}


def print_fit(names: list[str], board: Board, write: bool) -> None:
    for name in names or VALUES:
        table = f"[cost.{name}]\n" + "".join(f"{key} = {value:g}\n" for key, value in fit(FORMATS[name], board).items())
        print(f"\n{table}", end="", flush=True)
        if write:
            replace_table(FOLDER / f"{board.name}.toml", name, table)


def replace_table(path: Path, name: str, table: str) -> None:
    """The board's file with this table in place of the format's old one, or at the end."""
    text = path.read_text(encoding="utf-8")
    old = re.search(rf"^\[cost\.{name}\].*?(?=^\[|\Z)", text, flags=re.M | re.S)
    if old is None:
        path.write_text(text.rstrip("\n") + "\n\n" + table, encoding="utf-8")
    else:
        path.write_text(text[: old.start()] + table + ("\n" if old.end() < len(text) else "") + text[old.end() :], encoding="utf-8")


def prediction_errors(board: Board, networks: int = PREDICTED) -> Array:
    """Relative error of the predicted instructions of whole random networks, each layer in a random format."""
    rng = np.random.default_rng(2024)
    errors = []
    for seed in range(networks):
        quantised = network_for(FORMATS[str(rng.choice(VALUES))], rng, 1000 + seed)
        quantised = with_activity(quantised, random_samples(quantised, 3))
        names = [str(rng.choice([name for name, item in FORMATS.items() if item.refuses(layer) is None])) for layer in quantised.layers]
        layers = tuple(replace(layer, store=name) for layer, name in zip(quantised.layers, names, strict=True))
        figures, _ = measure(quantised.with_layers(layers, "stored"), board)
        predicted = sum(FORMATS[name].instructions(layer, board) for name, layer in zip(names, layers, strict=True))
        errors.append((predicted - figures.instructions_mean) / figures.instructions_mean)
    return np.array(errors)


def print_table(board: Board) -> None:
    print(f"{board.name}: exact instructions of one inference")
    print(
        f"{'network':16}{'density':>8} {'format':12}{'instructions':>13}{'per MAC':>9}{'per nonzero':>12}{'flash B':>9}{'code B':>8}{'RAM B':>7}{'stack B':>8}"
    )
    for sizes, density in SHAPES:
        network = integer_network(sizes, density)
        macs = sum(layer.inputs * layer.outputs for layer in network.layers)
        nonzeros = sum(int(np.count_nonzero(layer.arrays["weight"])) for layer in network.layers)
        for name in (name for name, item in FORMATS.items() if item.refuses(network.layers[0]) is None):
            f, _ = measure(with_format(network, name), board, 2)
            n = f.instructions_mean
            print(
                f"{'-'.join(map(str, sizes)):16}{density:8} {name:12}{n:13.0f}{n / macs:9.3f}{n / nonzeros:12.3f}"
                f"{f.flash_bytes:9}{f.code_bytes:8}{f.ram_bytes:7}{f.stack_bytes:8}",
                flush=True,
            )
    errors = prediction_errors(board)
    print(f"prediction error on {len(errors)} random networks: mean {100 * np.abs(errors).mean():.2f} %, largest {100 * np.abs(errors).max():.2f} %")
    chosen, ledger = store(integer_network((784, 256, 10), 0.1), board)
    print(
        "chosen for 784-256-10 at density 0.1:", ", ".join(f"{entry.name} {entry.chosen} ({entry.reason})" for entry in ledger), f"[{chosen.stage}]"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", default="emulated-cortex-m4")
    parser.add_argument("--fit", nargs="*", metavar="FORMAT", help="print the cost tables of these formats (all, if none is named)")
    parser.add_argument("--write", action="store_true", help="with --fit: put the tables into the board's file")
    arguments = parser.parse_args()
    board = load_board(arguments.board)
    if arguments.fit is None:
        print_table(board)
    else:
        print_fit(arguments.fit, board, arguments.write)


if __name__ == "__main__":
    main()
