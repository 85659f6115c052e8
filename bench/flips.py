"""Flip bits in whole builds, manifests included, and open them: every one must be refused. nearwire bench flips [--count 2000] [--seed 1]

Builds with packages, one of them spiking. A file is drawn first, then a bit of it, so that small files are hit as often as large ones. Exit code 1 if a
changed build opens, or fails with anything but the error of a wrong input.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.support.own_state import own_state
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.errors import InputError
from runtime.builds.checked import open_build
from runtime.zoo import resolve

NETWORKS = ("digits-field", "digits-snn", "digits-spatial")
OPTIONS = CompileOptions(firmware_samples=1, packages=("all",))


@dataclass(frozen=True)
class Flip:
    """A bit of a file, and what came of it; None: refused as it should be."""

    file: str
    bit: int
    fault: str | None


def flip(build: Path, name: str, bit: int) -> Flip:
    """Open the build with one bit changed; the file is put back."""
    path = build / name
    content = path.read_bytes()
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    path.write_bytes(changed)
    try:
        open_build(build)
    except InputError:
        return Flip(name, bit, None)
    except Exception as error:
        return Flip(name, bit, f"{type(error).__name__}: {error}")
    finally:
        path.write_bytes(content)
    return Flip(name, bit, "it opened")


def run(builds: list[Path], count: int, seed: int) -> list[Flip]:
    """``count`` flips, shared out among the builds."""
    chance = random.Random(seed)
    files = [
        (build, path.relative_to(build).as_posix(), path.stat().st_size) for build in builds for path in sorted(build.rglob("*")) if path.is_file()
    ]
    manifests = [entry for entry in files if entry[1] == "manifest.json"]
    found = []
    for k in range(count):
        build, name, size = chance.choice(manifests if k % 4 == 0 else files)  # the manifest protects itself: a quarter is for it
        found.append(flip(build, name, chance.randrange(8 * size)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, own_state(Path(name) / "state"):
        builds = [Path(name) / network for network in NETWORKS]
        for network, build in zip(NETWORKS, builds, strict=True):
            compile_network(resolve(f"zoo:{network}"), build, OPTIONS)
        start = time.perf_counter()
        flips = run(builds, arguments.count, arguments.seed)
        seconds = time.perf_counter() - start
        for build in builds:
            open_build(build)
    wrong = [flip for flip in flips if flip.fault is not None]
    manifests = sum(flip.file == "manifest.json" for flip in flips)
    print(
        f"{len(flips)} flipped bits in {len(builds)} builds, {manifests} of them in manifests, "
        f"{len({flip.file for flip in flips})} different files: {len(flips) - len(wrong)} refused, {len(wrong)} not; {seconds:.0f} s, seed {arguments.seed}"
    )
    for one in wrong[:20]:
        print(f"  {one.file}, bit {one.bit}: {one.fault}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
