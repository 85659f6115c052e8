"""nearwire compile: the options of a compile, fields of CompileOptions and of Budgets, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from compile.commands.summary import print_summary
from compile.emit.packages import ALL, ECOSYSTEMS
from compile.passes.prune import SCOPES, STRUCTURES
from compile.passes.store import OBJECTIVES
from compile.pipeline.budget import Budgets, parse_bytes, parse_time
from compile.pipeline.options import CompileOptions, options_from
from compile.pipeline.pipeline import compile_network
from compile.report.command import FLAGS as LIMIT_OPTIONS
from devices.common.console import print_json, spinner
from devices.common.options import Option, fields_of, help_of, option_of
from runtime.zoo import PREFIX, resolve

DEFAULT_NETWORK = "zoo:digits-spatial"
SETTINGS = {  # by heading; to offer another setting: its name here
    "What to compile for": ("board", "data"),
    "Pruning and coordinates": ("prune", "prune_scope", "prune_structure", "bits"),
    "Storage": ("store", "optimise"),
    "Proof and report": ("firmware_samples", "report_samples"),
    "Spiking networks": ("early_exit", "nir", "pj_per_mac", "pj_per_ac", "pj_per_cycle"),
    "Libraries": ("packages", "package_name"),
}
CHOICES = {"prune_scope": SCOPES, "prune_structure": STRUCTURES, "optimise": OBJECTIVES, "packages": (*ECOSYSTEMS, ALL)}
FLAGS = {"packages": ("--package",)}  # where the usual name will not do
LIMITS: dict[str, tuple[type, str | None, Callable[[str | None, str], float | None] | None]] = {  # budget: type, metavar and reader of its option
    "flash_bytes": (str, "BYTES", parse_bytes),
    "ram_bytes": (str, "BYTES", parse_bytes),
    "instructions": (int, None, None),
    "latency_us": (str, "TIME", parse_time),
    "accuracy": (float, None, None),
}


def options() -> list[Option]:
    """All options that are settings."""
    plain = [_option(name, panel) for panel, names in SETTINGS.items() for name in names]
    return [*plain, *(_limit(name) for name in LIMITS)]


def _limit(name: str) -> Option:
    kind, metavar, _ = LIMITS[name]
    return Option(name, kind, help_of(fields_of(Budgets)[name]), (LIMIT_OPTIONS[name][0],), metavar=metavar, panel="Budgets")


def _option(name: str, panel: str) -> Option:
    option = option_of(CompileOptions, name, panel, flags=FLAGS.get(name, ()))
    return replace(option, metavar="|".join(CHOICES[name])) if name in CHOICES else option


def compile(  # noqa: A001 (the command's name)
    network: Annotated[str, typer.Argument(help="A run folder, a network file or zoo:NAME: data, of which nothing is run.")] = DEFAULT_NETWORK,
    out: Annotated[Path | None, typer.Option("--out", help="The build folder. Default: build/NAME.", show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest instead of tables.")] = False,
    **words: Any,
) -> None:
    """Make a verified build of a trained network."""
    budgets = Budgets(**{name: _value(name, words.pop(name)) for name in LIMITS})
    chosen = options_from({**words, "packages": tuple(words["packages"] or ()), "budgets": budgets})
    source = resolve(network)
    folder = out or Path("build") / _name(network, source)
    with spinner(f"compile {network}", quiet=json) as progress:
        manifest = compile_network(source, folder, chosen, progress)
    if json:
        print_json(loads(manifest.to_json()))
    else:
        print_summary(manifest, folder)


def _value(limit: str, given: Any) -> Any:
    read = LIMITS[limit][2]
    return read(given, LIMIT_OPTIONS[limit][0]) if read else given


def _name(network: str, source: Path) -> str:
    """What the build of a network is called."""
    if network.startswith(PREFIX):
        return network.removeprefix(PREFIX)
    return source.stem if source.is_file() else source.name
