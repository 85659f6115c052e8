"""The options of 'train fit': fields of TrainConfig and of its tables, by heading. To offer another setting: its name in ``SETTINGS``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from devices.common.options import Option, commas, option_of, options_of
from devices.errors import InputError
from train.config import TrainConfig
from train.config.files import recipe_names
from train.config.tables import Distil, Quantise, SpikingConfig, Table

SETTINGS = {
    "Network": ("data", "model", "head", "hidden", "synapses", "d", "gap", "rule", "init"),
    "Training": ("epochs", "batch", "rate", "schedule", "seed", "precision", "weights", "compile", "frames"),
    "Pruning": ("prune", "prune_structure"),
    "Quantisation and teachers": ("quantise.epochs", "quantise.bits", "distil.teacher"),
    "Spiking neurons; each of these options asks for them": (
        "spiking",
        "spiking.steps",
        "spiking.beta",
        "spiking.threshold",
        "spiking.reset",
        "spiking.coding",
        "spiking.readout",
        "spiking.learn",
        "spiking.activity",
    ),
}
TABLES: dict[str, tuple[type[Table], str]] = {  # a table's settings, and what stands before their names in an option
    "quantise": (Quantise, "quantise_"),
    "distil": (Distil, ""),
    "spiking": (SpikingConfig, ""),
}
FLAGS = {"hidden": ("--hidden", "--neurons"), "compile": ("--compile/--no-compile",)}  # where the usual name will not do
WHOLE = ("teacher",)  # repeated options whose words are not split at commas


class RunOptions(Table):
    """What 'train fit' is told beside the settings."""

    recipe: str | None = None
    """Settings to start from, of those that come with the package."""
    config: Path | None = None
    """Settings to start from: a TOML file. It starts no programs."""
    out: Path | None = None
    """Folder of the run. Default: runs/RECIPE or runs/DATA-MODEL."""
    resume: bool = False
    """Go on with the run in --out."""
    force: bool = False
    """Drop an unfinished run in --out."""
    device: str = "auto"
    """auto, cpu or cuda."""


def options() -> list[Option]:
    """All options of 'train fit', those of the run first."""
    run = {option.name: option for option in options_of(RunOptions)}
    run["recipe"] = replace(run["recipe"], help=f"{run['recipe'].help.rstrip('.')}: {', '.join(recipe_names())}.")
    return [*run.values(), *(_option(name, panel) for panel, names in SETTINGS.items() for name in names)]


def _option(name: str, panel: str) -> Option:
    if name in TABLES:
        text = TrainConfig.model_fields[name].description or ""
        return Option(name, bool, f"{text.partition(';')[0]}.", (f"--{name}",), False, panel=panel)
    table, _, field = name.rpartition(".")
    settings, prefix = TABLES[table] if table else (TrainConfig, "")
    option = option_of(settings, field, panel, prefix, FLAGS.get(name, ()), unset=True)
    return replace(option, metavar="NETWORK") if field in WHOLE else option


def given_settings(words: Mapping[str, Any]) -> dict[str, Any]:
    """What the options say, as fields of TrainConfig: tables as dicts of what was given; ``quantise`` is None for --quantise-epochs 0."""
    given: dict[str, Any] = {}
    for names in SETTINGS.values():
        for name in names:
            table, _, field = name.rpartition(".")
            value = words.get((TABLES[table][1] if table else "") + field)
            if value is None or (value is False and name in TABLES):
                continue
            if name in TABLES:
                given[name] = {}
            elif table:
                given.setdefault(table, {})[field] = _value(field, value)
            else:
                given[name] = _value(field, value)
    if given.get("quantise", {}).get("epochs") == 0:
        if "bits" in given["quantise"]:
            raise InputError("--quantise-epochs 0 means no quantised phase, so --quantise-bits cannot be given.")
        given["quantise"] = None
    return given


def _value(field: str, value: Any) -> Any:
    if field == "hidden":
        return _sizes(value)
    return commas(value) if isinstance(value, list) and field not in WHOLE else value


def _sizes(words: list[str]) -> list[int]:
    """``256,128`` or repeated options to sizes; 0 alone: no hidden layer."""
    try:
        sizes = [int(part) for word in words for part in word.split(",")]
    except ValueError as error:
        raise InputError(f"--hidden is '{' '.join(words)}'. Allowed: whole numbers, as 256 or 256,128; 0 for no hidden layer.") from error
    return [] if sizes == [0] else sizes
