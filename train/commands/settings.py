"""The settings of a run: a recipe or a file, and what the options say over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devices.errors import InputError
from train.config import TrainConfig
from train.config.files import make_config, read_recipe, read_toml, recipe_names

STRUCTURE = ("head", "hidden", "synapses", "rule")  # options that say what a network is made of


def settings_of(given: dict[str, Any], recipe: str | None, config: Path | None) -> TrainConfig:
    """Recipe or file, then the options over it."""
    if recipe is not None and config is not None:
        raise InputError("--recipe and --config both give the settings to start from. Give one of them.")
    base: dict[str, Any] = {}
    if config is not None:
        base = read_toml(config)
    elif recipe is not None:
        base = read_recipe(recipe)
    elif "init" not in given:
        usual = "-".join(str(given.get(name, TrainConfig.model_fields[name].default)) for name in ("data", "model"))
        if "spiking" in given and "model" not in given:
            usual = f"{given.get('data', TrainConfig.model_fields['data'].default)}-snn"
        base = read_recipe(usual) if usual in recipe_names() else {}
        if base.get("layers"):  # they say what the network is made of, unless the options do
            if set(STRUCTURE) & set(given):
                base = {}
            else:
                given = {name: value for name, value in given.items() if name != "model"}
    clash = [f"--{name}" for name in ("model", *STRUCTURE) if name in given] if base.get("layers") else []
    if clash:
        raise InputError(f"{recipe or config} lists its layers, so {' and '.join(clash)} cannot be given. Copy the recipe and change its layers.")
    if "spiking" in given:
        given["spiking"] = {**(base.get("spiking") or {}), **given["spiking"]}
    changed = [name for name, value in given.items() if base.get(name) != value and name != "frames"]
    if changed and base.get("recipe"):
        base["recipe"] = None  # no longer what the recipe says
    if isinstance(given.get("quantise"), dict):
        given["quantise"] = {**(base.get("quantise") or {}), **given["quantise"]}
    if "distil" in given:
        given["distil"] = {**(base.get("distil") or {}), **given["distil"]}
    return make_config({**base, **given}, "settings")
