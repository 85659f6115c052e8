"""Configurations as people write them: recipes that come with the package, TOML files, and errors that name every wrong field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from devices.common import documents
from devices.common.guard import plain, reason, shown
from devices.errors import InputError, unknown_name
from train.config import TrainConfig
from train.config.kinds import MODULES, spec_class
from train.config.tables import Augment, Distil, Quantise, Rates, SpikingConfig

RECIPES = Path(__file__).parents[1] / "recipes"


def make_config(values: Mapping[str, Any], where: str) -> TrainConfig:
    """A checked configuration; InputError that names every wrong field, what was found and what is allowed."""
    try:
        return TrainConfig.model_validate(dict(values))
    except (TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{where} holds a value of no use for a setting: {reason(error)}.") from error
    except ValidationError as error:
        parts = []
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                parts.append(f"unknown field '{plain(field)}' (known: {', '.join(_known(problem['loc']))})")
            elif not field:
                parts.append(problem["msg"].removeprefix("Value error, "))
            else:
                parts.append(f"{plain(field)} is {shown(problem['input'])}: {_inside(problem['msg'])}")
        raise InputError(f"{where}: {'; '.join(parts)}.") from error


def _inside(message: str) -> str:
    """Pydantic's message as the middle of a sentence."""
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _known(where: tuple[int | str, ...]) -> list[str]:
    """The fields of the table that an unknown field was found in."""
    tables: dict[int | str, type[BaseModel]] = {"rates": Rates, "augment": Augment, "quantise": Quantise, "distil": Distil, "spiking": SpikingConfig}
    tables.update({kind: spec_class(kind) for kind in MODULES if kind in where})
    return list(next((tables[part] for part in reversed(where[:-1]) if part in tables), TrainConfig).model_fields)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file; InputError if it is missing or malformed."""
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'. Give a TOML file with fields of TrainConfig, e.g. epochs = 20.")
    return documents.read_toml(path, f"configuration file '{path}'")


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """The fields of a shipped recipe; InputError with the nearest name otherwise."""
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    return {**read_toml(RECIPES / f"{name}.toml"), "recipe": name}


def to_toml(config: TrainConfig) -> str:
    """The configuration as TOML that ``read_toml`` reads back; fields that are None are left out, or 0 where another value would be usual."""
    lines, tables = [], []
    never = {"settle"} if config.layers or spec_class(config.model).usual(config.model_dump()).get("quantise") is None else {"settle", "quantise"}
    for name, value in config.model_dump(mode="json", exclude={"model", "head", "hidden", "synapses"} if config.layers else {"layers"}).items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *_entries(value)]
        elif name == "layers":
            tables += [line for layer in value for line in ("", "[[layers]]", *_entries(layer))]
        elif name in never or value is not None:
            value = 0 if value is None else value
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_toml(entry)}" for key, entry in table.items() if entry is not None]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return repr(value)
