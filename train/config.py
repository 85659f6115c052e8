"""What a training run is told: defaults, TOML files and recipes, checked field by field.

``rate`` is the peak of the schedule for positions; every other parameter learns at ``rate * rates[its role]``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from devices.errors import InputError, unknown_name
from runtime.rules import RULES
from train.layers import LAYERS

RECIPES = Path(__file__).with_name("recipes")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Rates(BaseModel):
    """Learning rates by role, relative to ``rate``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    position: NotNegative = 1.0
    inhibition: NotNegative = 1.0
    bias: NotNegative = 1.0
    gap: NotNegative = 1.0
    weight: NotNegative = 0.05  # of dense layers, their bias included


class TrainConfig(BaseModel):
    """One training run. ``python -m train fit`` alone takes the recipe ``digits-spatial``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str | None = None  # the recipe it came from, for the record
    data: str = "digits"  # a data set's name or path, see runtime/data.py
    model: str = "spatial"  # the kind of every layer, see train/layers
    head: str | None = None  # the kind of the last layer, if another
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)  # neurons of each hidden layer; empty: none
    d: int = Field(3, ge=2)  # coordinates of a neuron, the plane's included
    gap: Literal["fixed", "learned", "relaxed"] = "learned"
    rule: str = "inverse"  # see runtime/rules.py
    epochs: int = Field(30, ge=1)
    batch: int = Field(100, ge=1)  # samples a step
    rate: Positive = 0.1
    rates: Rates = Rates()
    schedule: Literal["one-cycle", "cosine", "constant"] = "one-cycle"
    init: str | None = None  # network to fine-tune: a file, a folder or zoo:NAME
    seed: int = Field(0, ge=0, lt=2**32)
    prune: float = Field(0.0, ge=0, lt=1)  # share of each layer's weights held at zero
    augment: NotNegative = 0.0  # strength of random affine maps of images, see train/augment.py
    noise: NotNegative = 0.0  # standard deviation of noise on the input while training, as a share of the byte range
    smoothing: float = Field(0.0, ge=0, lt=1)  # label smoothing of the cross-entropy
    start: Literal["grid", "random"] = "grid"  # of the inputs' positions: an image's pixels in their grid, or normal
    spread: Positive = 1.0  # standard deviation of the first coordinates, length units
    inhibition_spread: Positive = 1.0  # the first inhibition values are uniform within +- this
    steepness: tuple[Positive, Positive] = (5.0, 100.0)  # of the mask tanh(steepness * v / 2), first and last
    settle: float = Field(0.7, gt=0, le=1)  # share of the training after which the signs are fixed

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, value: str) -> str:
        if value not in RULES:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(RULES))}")
        return value

    @field_validator("model", "head")
    @classmethod
    def _known_kind(cls, value: str | None) -> str | None:
        if value is not None and value not in LAYERS:
            raise ValueError(f"'{value}' is not one of {', '.join(sorted(LAYERS))}")
        return value


def make_config(values: Mapping[str, Any], where: str) -> TrainConfig:
    """A checked configuration; InputError that names every wrong field, what was found and what is allowed."""
    try:
        return TrainConfig.model_validate(dict(values))
    except ValidationError as error:
        known = ", ".join(TrainConfig.model_fields)
        parts = []
        for problem in error.errors():
            field = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                parts.append(f"unknown field '{field}' (known: {known})")
            else:
                parts.append(f"{field} is {problem['input']!r}: {problem['msg'].removeprefix('Value error, ').lower()}")
        raise InputError(f"{where}: {'; '.join(parts)}.") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file; InputError if it is missing or malformed."""
    if not path.is_file():
        raise InputError(f"there is no configuration file '{path}'. Give a TOML file with fields of TrainConfig, e.g. epochs = 20.")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"configuration file '{path}' is not TOML: {error}.") from error


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """The fields of a shipped recipe; InputError with the nearest name otherwise."""
    if name not in recipe_names():
        raise unknown_name("recipe", name, recipe_names())
    return {**read_toml(RECIPES / f"{name}.toml"), "recipe": name}


def to_toml(config: TrainConfig) -> str:
    """The configuration as TOML that ``read_toml`` reads back; fields that are None are left out."""
    lines, tables = [], []
    for name, value in config.model_dump(mode="json").items():
        if isinstance(value, dict):
            tables += ["", f"[{name}]", *(f"{key} = {_toml(entry)}" for key, entry in value.items())]
        elif value is not None:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return repr(value)
