"""python -m compile: make a verified build of a trained network. Without arguments it compiles a small network of the zoo.

``python -m compile nir ...`` writes a spiking network as NIR (compile/commands/nir.py).
"""

from __future__ import annotations

import sys
from json import loads
from pathlib import Path
from typing import Annotated

import typer

from compile.commands.nir import app as nir_app
from compile.commands.summary import print_summary
from compile.emit.packages import ECOSYSTEMS
from compile.passes.prune import SCOPES, STRUCTURES
from compile.pipeline.budget import Budgets, parse_bytes, parse_time
from compile.pipeline.pipeline import CompileOptions, compile_network
from devices.common.console import print_json, run_app, spinner
from runtime.zoo import resolve

DEFAULT_NETWORK = "zoo:digits-spatial"

app = typer.Typer(
    help="Freeze, prune, quantise and store a network; write ONNX, TFLite and C; prove that they agree. 'nir ...': write a spiking network as NIR.",
    add_completion=False,
)
DEFAULTS = CompileOptions()


@app.command()
def compile(  # noqa: A001 (the command's name)
    network: Annotated[str, typer.Argument(help="A run folder, a network file or zoo:NAME.")] = DEFAULT_NETWORK,
    out: Annotated[Path | None, typer.Option("--out", help="The build folder. Default: build/NAME.", show_default=False)] = None,
    board: Annotated[str, typer.Option("--board", help="The board to compile for; see 'python -m devices list'.")] = DEFAULTS.board,
    data: Annotated[str | None, typer.Option("--data", help="Data set to calibrate and test with. Default: the one it was trained on.")] = None,
    prune: Annotated[float, typer.Option("--prune", help="Share of the connections to cut, longest first: 0 to below 1.")] = DEFAULTS.prune,
    prune_scope: Annotated[
        str, typer.Option("--prune-scope", help=f"The same share of every layer, or one threshold: {', '.join(SCOPES)}.")
    ] = "layer",
    prune_structure: Annotated[
        str,
        typer.Option("--prune-structure", help=f"Cut single connections or blocks of four neurons' weights of one input: {', '.join(STRUCTURES)}."),
    ] = DEFAULTS.prune_structure,
    bits: Annotated[int, typer.Option("--bits", help="Bits of a coordinate.")] = DEFAULTS.bits,
    store: Annotated[str, typer.Option("--store", help="Storage format of every layer, or auto.")] = DEFAULTS.store,
    optimise: Annotated[str, typer.Option("--optimise", help="What auto minimises: flash, latency or ram.")] = DEFAULTS.optimise,
    max_flash: Annotated[str | None, typer.Option("--max-flash", help="Refuse a build with more flash: bytes, 8k, 1m.")] = None,
    max_ram: Annotated[str | None, typer.Option("--max-ram", help="Refuse a build with more RAM: bytes, 8k, 1m.")] = None,
    max_instructions: Annotated[int | None, typer.Option("--max-instructions", help="Refuse a build with more instructions an inference.")] = None,
    max_latency: Annotated[
        str | None, typer.Option("--max-latency", help="Refuse a build that takes longer, by estimated cycles at the board's clock: 900us, 2.5ms.")
    ] = None,
    min_accuracy: Annotated[float | None, typer.Option("--min-accuracy", help="Refuse a build below this accuracy on the test set.")] = None,
    firmware_samples: Annotated[
        int, typer.Option("--firmware-samples", min=1, help="Test samples to prove on the emulated core.")
    ] = DEFAULTS.firmware_samples,
    report_samples: Annotated[
        bool, typer.Option("--report-samples/--no-report-samples", help="Show samples of the data in the report.")
    ] = DEFAULTS.report_samples,
    early_exit: Annotated[
        float | None,
        typer.Option(
            help="Stop a spiking network when the best class leads by more than so many spikes (read-out count; with 1 no label changes) or "
            "thresholds (membrane) for each step left; read-out first: at the first spike.",
            show_default="never",
        ),
    ] = None,
    nir: Annotated[bool, typer.Option("--nir", help="Also write a spiking network as model.nir, for other tools; 'nir ...' does it alone.")] = False,
    pj_per_mac: Annotated[
        float, typer.Option("--pj-per-mac", help="Energy of a multiply-accumulate, for a spiking network's estimate: picojoules.")
    ] = DEFAULTS.pj_per_mac,
    pj_per_ac: Annotated[float, typer.Option("--pj-per-ac", help="Energy of an accumulate: picojoules.")] = DEFAULTS.pj_per_ac,
    pj_per_cycle: Annotated[float, typer.Option("--pj-per-cycle", help="Energy of a cycle of the core: picojoules.")] = DEFAULTS.pj_per_cycle,
    package: Annotated[
        list[str] | None,
        typer.Option(
            "--package", help=f"Also write a library for {', '.join(ECOSYSTEMS)}, or all; repeat it or give a comma list.", show_default="none"
        ),
    ] = None,
    package_name: Annotated[
        str | None, typer.Option("--package-name", help="What the libraries call the network.", show_default="the name of its file or run folder")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest instead of tables.")] = False,
) -> None:
    """Make a verified build of a trained network."""
    budgets = Budgets(
        flash_bytes=parse_bytes(max_flash, "--max-flash"),
        ram_bytes=parse_bytes(max_ram, "--max-ram"),
        instructions=max_instructions,
        latency_us=parse_time(max_latency, "--max-latency"),
        accuracy=min_accuracy,
    )
    options = CompileOptions(
        board=board,
        data=data,
        prune=prune,
        prune_scope=prune_scope,
        prune_structure=prune_structure,
        bits=bits,
        store=store,
        optimise=optimise,
        firmware_samples=firmware_samples,
        report_samples=report_samples,
        early_exit=early_exit,
        nir=nir,
        pj_per_mac=pj_per_mac,
        pj_per_ac=pj_per_ac,
        pj_per_cycle=pj_per_cycle,
        packages=tuple(package or ()),
        package_name=package_name,
        budgets=budgets,
    )
    source = resolve(network)
    place = out or Path("build") / (network.removeprefix("zoo:") if network.startswith("zoo:") else source.stem if source.is_file() else source.name)
    with spinner(f"compile {network}", quiet=json) as progress:
        manifest = compile_network(source, place, options, progress)
    if json:
        print_json(loads(manifest.to_json()))
    else:
        print_summary(manifest, place)


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["nir"]:
        run_app(nir_app, words[1:], "python -m compile nir")
    run_app(app, words, "python -m compile")


if __name__ == "__main__":
    main()
