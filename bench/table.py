"""The README's result table, measured now: nearwire bench table [NAME ...] [--write] (default: the whole zoo)

Each network is compiled into a temporary folder; every figure comes from its manifest. With --write the rows go into the record
bench/records/zoo.json, which the README's table and the figures of bench.front are made of; networks that are not named keep their rows.
Exit code 1 if any backend differs.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.support import records
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.errors import InputError, NearwireError
from runtime.builds.manifest import Manifest
from runtime.network.file import load
from runtime.network.network import Layer, Network
from runtime.zoo import names, resolve

HEADER = ("network", "layers", "float", "int8", "constants B", "flash B", "RAM B", "instructions (M4)")
RECORD = "zoo"


@dataclass(frozen=True)
class Row:
    """What a build of one network of the zoo measured."""

    network: str
    network_sha256: str
    data: str
    layers: str
    note: str  # behind its name: spiking, baseline
    accuracy_float: float
    accuracy: float  # of the integer network, whole test set
    constants_bytes: int
    flash_bytes: int
    ram_bytes: int
    instructions: int  # of one inference, on the emulated Cortex-M4
    compiler: str  # what the flash and the instructions are of

    def cells(self) -> list[str]:
        """The row in the README."""
        accuracies = (f"{self.accuracy_float:.4f}", f"**{self.accuracy:.4f}**")
        return [
            f"`{self.network}`{self.note}",
            self.layers,
            *accuracies,
            *(f"{value:,}" for value in (self.constants_bytes, self.flash_bytes, self.ram_bytes, self.instructions)),
        ]


def row(name: str, network: Network, manifest: Manifest) -> Row:
    """The figures of one build; NearwireError if nothing was measured."""
    size, cost = manifest.size, manifest.cost
    if size is None or cost is None:
        raise NearwireError("nothing was measured: the emulated core or its compiler is missing. See 'nearwire devices doctor'.")
    return Row(
        name,
        manifest.network_sha256,
        manifest.accuracy.data,
        " - ".join([str(network.layers[0].inputs), *(f"{_neurons(layer)} {layer.kind}" for layer in network.layers)]),
        " (spiking)" if network.spiking else " (baseline)" if all(layer.kind == "dense" for layer in network.layers) else "",
        round(manifest.accuracy.float_, 6),
        round(manifest.accuracy.quantised, 6),
        size.constants_bytes,
        size.flash_bytes,
        size.ram_bytes,
        cost.instructions,
        cost.compiler,
    )


def measured(name: str) -> Row:
    """A network of the zoo, compiled now."""
    path = resolve(f"zoo:{name}")
    with tempfile.TemporaryDirectory() as folder:
        return row(name, load(path), compile_network(path, Path(folder) / name, CompileOptions(report_samples=False)))


def recorded(folder: Path = records.FOLDER) -> list[Row]:
    """The rows of the record; InputError if it is damaged."""
    try:
        return [Row(**entry) for entry in records.read(RECORD, folder)]
    except TypeError as error:
        raise InputError(f"'{folder / RECORD}.json' has no rows: {error}. Measure them: nearwire bench table --write") from error


def table(rows: list[Row]) -> str:
    """The README's table."""
    return records.markdown(HEADER, [entry.cells() for entry in rows])


def _neurons(layer: Layer) -> int:
    """Neurons, or prototypes."""
    return len(layer.arrays["bias"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NAME")
    parser.add_argument("--write", action="store_true", help="keep the rows in bench/records and put the table into README.md")
    arguments = parser.parse_args()
    print(table([]), end="")
    rows = {entry.network: entry for entry in recorded()} if arguments.write else {}  # which keep their order, new ones last
    for name in arguments.networks or names():
        rows[name] = measured(name)
        print("| " + " | ".join(rows[name].cells()) + " |", flush=True)
    if arguments.write:
        values = [entry for name, entry in rows.items() if name in names()]
        records.write(RECORD, [asdict(entry) for entry in values])
        records.put(table(values))


if __name__ == "__main__":
    try:
        main()
    except NearwireError as error:
        raise SystemExit(f"error: {error}") from None
