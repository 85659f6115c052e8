"""Every network of the zoo, its whole test set, on every emulated board, against the integer reference: nearwire bench parity

--networks NAME ... and --boards NAME ... choose some. Prints samples, labels and scores that differ, and seconds; exit code 1 if anything does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.boards.board import board_names, load_board
from runtime.backends.firmware.backend import FirmwareBackend
from runtime.builds.checked import open_build
from runtime.data.dataset import load_dataset
from runtime.network import reference
from runtime.zoo import names, resolve

EMULATED = [name for name in board_names() if load_board(name).link in ("unicorn", "qemu")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=names(), metavar="NAME")
    parser.add_argument("--boards", nargs="*", default=EMULATED, metavar="NAME")
    arguments = parser.parse_args()
    print(f"{'network':20}{'board':24}{'samples':>8}{'labels':>8}{'scores':>8}{'s':>7}")
    differ = 0
    for name in arguments.networks:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            compile_network(resolve(f"zoo:{name}"), path, CompileOptions())
            build = open_build(path)
            samples = np.ascontiguousarray(load_dataset(build.manifest.accuracy.data).test.x).reshape(-1, build.network.input.size)
            expected = reference.scores(build.network, samples)
            for board in arguments.boards:
                started = time.perf_counter()
                with FirmwareBackend(board).open(path, build.network) as session:
                    board_scores = session.scores(samples)
                labels = int((board_scores.argmax(axis=1) != expected.argmax(axis=1)).sum())
                scores = int((board_scores != expected).sum())
                differ += labels + scores
                seconds = time.perf_counter() - started
                print(f"{name:20}{board:24}{len(samples):8}{labels:8}{scores:8}{seconds:7.1f}", flush=True)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
