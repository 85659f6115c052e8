"""The README's result table, measured now: nearwire bench table [NAME ...] (default: the whole zoo)

Each network is compiled into a temporary folder; every figure comes from its manifest. Exit code 1 if any backend differs.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from runtime.builds.manifest import Manifest
from runtime.network.file import load
from runtime.network.network import Layer, Network
from runtime.zoo import names, resolve

HEADER = ("network", "layers", "float", "int8", "constants B", "flash B", "RAM B", "instructions (M4)")


def row(name: str, network: Network, manifest: Manifest) -> list[str]:
    """The cells of one network."""
    size, cost = manifest.size, manifest.cost
    if size is None or cost is None:
        raise SystemExit("nothing was measured: see nearwire devices doctor")
    shape = [str(network.layers[0].inputs), *(f"{_neurons(layer)} {layer.kind}" for layer in network.layers)]
    return [
        f"`{name}`",
        " - ".join(shape),
        f"{manifest.accuracy.float_:.4f}",
        f"**{manifest.accuracy.quantised:.4f}**",
        f"{size.constants_bytes:,}",
        f"{size.flash_bytes:,}",
        f"{size.ram_bytes:,}",
        f"{cost.instructions:,}",
    ]


def _neurons(layer: Layer) -> int:
    """Neurons, or prototypes."""
    return len(layer.arrays["bias"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NAME")
    chosen = parser.parse_args().networks or names()
    print("| " + " | ".join(HEADER) + " |\n" + "|---" * len(HEADER) + "|")
    for name in chosen:
        path = resolve(f"zoo:{name}")
        with tempfile.TemporaryDirectory() as folder:
            manifest = compile_network(path, Path(folder) / name, CompileOptions())
        print("| " + " | ".join(row(name, load(path), manifest)) + " |", flush=True)


if __name__ == "__main__":
    main()
