"""Fuzz the firmware's protocol and its model entry, built with AddressSanitizer and UndefinedBehaviorSanitizer: nearwire bench fuzz

--inputs N (default 1,000,000 of each), --seed S, or only one of them: protocol, model. The model entry is fuzzed on the networks of the tests, which use
every storage format between them, N inputs shared out among them. Exit code 1 with the input that failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.support.compiled import SANITIZERS
from bench.support.stored import NETWORKS
from compile.emit.c import steady as c
from devices.boards.board import load_board
from devices.tools import toolchain
from devices.tools.program import PORTS
from runtime.builds.sources import FOLDER
from runtime.network.network import Network

SOURCES = Path(__file__).with_name("c")
PROTOCOL = ("protocol.c", "text.c", "timing.c")
LIMIT_S = 3600


def build(kind: str, network: Network, folder: Path, firmware: Path = FOLDER) -> Path:
    """The fuzzer ``kind`` (protocol, model) of a network, compiled with the sanitizers in ``folder``."""
    c.emit(network, folder)
    code = folder / "c"
    sources = [SOURCES / f"fuzz_{kind}.c", code / "model.c", code / "nearwire.c"]
    if kind == "protocol":
        sources += [firmware / name for name in PROTOCOL]
    program = folder / f"fuzz_{kind}"
    defines = ['-DFIRMWARE_PROFILE="fuzz"', '-DFIRMWARE_MODEL="fuzz"']
    include = [f"-I{path}" for path in (code, firmware, PORTS, SOURCES)]
    compiler = toolchain.compiler_for(load_board("host").toolchain)
    compiler.run(["-std=gnu99", *SANITIZERS, "-Wall", "-Wextra", *defines, *include, "-o", program, *sources], f"the fuzzer '{kind}'")
    return program


def fuzz(program: Path, inputs: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Run a fuzzer; its last line tells what it did."""
    return subprocess.run([program, str(inputs), str(seed)], capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=["protocol", "model"])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failed = False
    for kind in arguments.kinds:
        networks = {"all formats": NETWORKS["all formats"]} if kind == "protocol" else dict(NETWORKS)
        share = -(-arguments.inputs // len(networks))
        for name, network in networks.items():
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                done = fuzz(build(kind, network, Path(folder)), share, arguments.seed)
                print(f"{kind}, {name}: {done.stdout.strip()} in {time.perf_counter() - started:.0f} s, exit status {done.returncode}", flush=True)
                if done.returncode:
                    print(done.stderr[-3000:], file=sys.stderr)
                    failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
