"""Cost tables of computers: exact instructions of fast.c's kernels, fitted. nearwire bench computer_costs [--board NAME] [--write]

Counted under QEMU's user-mode emulation: emulated-pi3 (NEON), emulated-pi5 (dot product), host (x86-64 with AVX2; AVX-512 is not emulated). All
matrix formats run the same kernel there, so one fit serves them; where a matrix is too sparse for it, each format's portable kernel is counted.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from bench.kernels import random_samples, replace_table
from bench.support.formats import network_for, with_format
from bench.support.networks import box_network, integer_network, spatial_network
from compile.emit.c import steady as c
from compile.formats import FORMATS, Format, MatrixFormat
from devices.boards.board import FOLDER, Board, Toolchain, load_board
from devices.computers import emulated, open_computer
from devices.cost.model import CODE_BYTES, ERROR_PERCENT
from devices.tools.toolchain import compiler_for
from runtime.backends.c.program import ProgramSession, build_program
from runtime.builds.build import Build
from runtime.builds.sources import VARIANTS
from runtime.network.law import WEIGHT_MAX
from runtime.network.network import Array, Network
from runtime.remote.sessions import session_there
from runtime.remote.visit import Visit

GETPPID = 110  # on x86-64
FITTED, CHECKED = 7, 3
BOARDS = ("emulated-pi3", "emulated-pi5", "host")
EXPANDED = ("call", "quads", "quad_chunks", "blocks", "block_chunks", "wide_fours", "eight_fours", "requantised")
PORTABLE = ("portable_products", "portable_outputs")


@contextmanager
def session_of(network: Network, board: Board) -> Iterator[ProgramSession]:
    """The network's C program under the counting emulator of the board."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        c.emit(network, folder)
        if board.name != "host":
            with open_computer(board) as computer:
                yield session_there(Visit(computer, board, Build(folder, network)), "c")
            return
        own = compiler_for(Toolchain(compiler="host"))
        program = folder / "program"
        program.write_bytes(build_program(folder, network, own, own, list(board.toolchain.flags)))
        program.chmod(0o755)
        line = ["qemu-x86_64", "-cpu", "max"]

        def run(words: Sequence[str], stdin: bytes, _most_bytes: int) -> bytes:
            return subprocess.run([*line, program, *words], input=stdin, capture_output=True, check=True).stdout

        def count(words: Sequence[str], stdin: bytes) -> list[int]:
            plugin = f"{emulated._plugin()},out={folder / 'counts'},mark={GETPPID}"
            subprocess.run([*line, "-plugin", plugin, program, *words], input=stdin, capture_output=True, check=True)
            return [int(word) for word in (folder / "counts").read_text().split()]

        yield ProgramSession(network, run, "qemu-x86_64", count)


def counted(
    networks: Sequence[Network], name: str, board: Board, accepts: Callable[[dict[str, float]], bool]
) -> tuple[list[dict[str, float]], Array]:
    """Features and exact instructions of the layers that the format holds and ``accepts`` takes."""
    features, counts = [], []
    for network in networks:
        with session_of(network, board) as session:
            figures = session.layers(random_samples(network, 1))
        for layer, figure in zip(network.layers, figures, strict=True):
            row = FORMATS[name].computer_features(layer) if layer.store == name else {}
            if row and accepts(row):
                features.append(row)
                counts.append(float(figure.instructions or 0))
    return features, np.array(counts)


def solved(features: list[dict[str, float]], counts: Array, names: Sequence[str]) -> tuple[dict[str, float], float]:
    """(coefficients, largest error in percent over layers of 500 instructions and more)."""
    rows = np.array([[entry[name] for name in names] for entry in features], float)
    weight = 1 / (counts + 100)
    coefficients = np.round(nnls(rows * weight[:, None], counts * weight)[0], 2)
    error = np.abs(rows @ coefficients - counts) / counts
    return dict(zip(names, coefficients.tolist(), strict=True)), round(100 * float(error[counts > 500].max(initial=0)), 1)


def expanded() -> list[str]:
    """The formats whose weights computers expand to a matrix."""
    return [name for name, item in FORMATS.items() if (VARIANTS / f"{name}.h").is_file() and type(item).computer_features is Format.computer_features]


def sparse_networks(name: str) -> list[Network]:
    """Networks that the format holds and that are too sparse to be expanded."""
    item = FORMATS[name]
    if not isinstance(item, MatrixFormat):
        return [with_format(spatial_network((size, 90, 40, 8), 2, 0.985, seed=size), name) for size in (150, 500)]
    networks = [integer_network((size, 300, 90, 8), 0.015, seed=size) for size in (150, 700)]
    if (largest := item.weight_max) < WEIGHT_MAX:
        networks = [
            network.with_layers(
                tuple(
                    replace(
                        layer, arrays={**layer.arrays, "weight": layer.arrays["weight"].clip(-largest, largest), "bias": 0 * layer.arrays["bias"]}
                    )
                    for layer in network.layers
                ),
                "quantised",
            )
            for network in networks
        ]
    return [with_format(network, name) for network in networks]


def with_wide_cells(network: Network) -> Network:
    """The same with one empty rectangle over the whole grid, whose sum needs 32 bits."""
    first = network.layers[0]
    edges, charge = first.arrays["edges"].copy(), first.arrays["charge"].copy()
    edges[0, 0], charge[0, 0] = (0, 0, 28, 28), 0
    changed = replace(first, arrays={**first.arrays, "edges": edges, "charge": charge})
    return with_format(network.with_layers((changed, *network.layers[1:]), "quantised"), "boxes_s8")


def fit(board: Board) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(11)
    sizes = [tuple(int(np.exp(rng.uniform(np.log(4), np.log(limit)))) for limit in (900, 150, 200, 60, 20)) for _ in range(FITTED + CHECKED)]
    networks = [with_format(integer_network(size, float(rng.uniform(0.2, 1)), seed=k), "dense_s8") for k, size in enumerate(sizes)]
    features, counts = counted(networks, "dense_s8", board, lambda entry: entry["quads"] > 0)
    shared, error = solved(features, counts, EXPANDED)
    tables: dict[str, dict[str, float]] = {}
    for name in expanded():
        item = FORMATS[name]
        if isinstance(item, MatrixFormat) and not item.zeros:
            portable = dict.fromkeys(PORTABLE, 0.0)  # none of its weights is zero, so it is always expanded
        else:
            portable, _ = solved(*counted(sparse_networks(name), name, board, lambda entry: entry["portable_outputs"] > 0), PORTABLE)
        tables[item.name] = {**shared, **portable, CODE_BYTES: 0, ERROR_PERCENT: error}
    networks = [with_format(network_for(FORMATS["boxes_s8"], rng, k), "boxes_s8") for k in range(FITTED + CHECKED)]
    networks += [with_wide_cells(box_network((28, 28), neurons, 5, 10, neurons)) for neurons in (60, 150)]
    features, counts = counted(networks, "boxes_s8", board, lambda entry: True)
    boxes, error = solved(features, counts, tuple(features[0]))
    tables["boxes_s8"] = {**boxes, CODE_BYTES: 0, ERROR_PERCENT: error}
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", choices=BOARDS, action="append")
    parser.add_argument("--write", action="store_true", help="put the tables into the board's file")
    arguments = parser.parse_args()
    for name in arguments.board or BOARDS:
        for entry, values in fit(load_board(name)).items():
            table = f"[cost.{entry}]\n" + "".join(f"{key} = {value:g}\n" for key, value in values.items())
            print(f"\n# {name}\n{table}", end="", flush=True)
            if arguments.write:
                replace_table(FOLDER / f"{name}.toml", entry, table)


if __name__ == "__main__":
    main()
