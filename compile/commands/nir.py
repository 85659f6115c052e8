"""``nearwire compile nir``: write a spiking network, trained or of a build, as a file of the Neuromorphic Intermediate Representation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compile.emit import nir
from devices.common.console import print_json, print_table
from devices.common.text import say
from devices.errors import InputError
from runtime.network.file import load
from runtime.zoo import resolve

app = typer.Typer(add_completion=False)


@app.command()
def export(
    network: Annotated[str, typer.Argument(help="A run folder, a network file, a build folder or zoo:NAME.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path(nir.FILE),
    dt: Annotated[float, typer.Option("--dt", help="Seconds a time step; other tools assume the default.")] = nir.DT,
    explicit_reset: Annotated[
        bool,
        typer.Option("--explicit-reset", help="Write the reset by subtraction as nodes (LI, Threshold, Linear) instead of LIF and a word about it."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False,
) -> None:
    """Write a spiking network as NIR."""
    if out.is_dir():
        raise InputError(f"output '{out}' is a folder. Give a file, such as {out / nir.FILE}.")
    chosen = load(resolve(network))
    nir.write(chosen, out, dt, explicit_reset)
    rows = nir.described(chosen)
    if json:
        print_json({"file": str(out), "stage": chosen.stage, "dt": dt, "spiking": asdict(chosen.spiking) if chosen.spiking else None, "layers": rows})
        return
    print_table(f"{out}: {chosen.stage} network, {dt:g} s a step", list(rows[0]), [list(row.values()) for row in rows])
    if chosen.spiking and chosen.spiking.reset == "subtract" and not explicit_reset:
        say("reset by subtraction is in the metadata, not in the LIF nodes: see compile/emit/nir.py, or --explicit-reset")
