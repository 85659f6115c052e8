"""Layers as a recipe lists them, and what the short options stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devices.errors import InputError
from tests.support.samples import bars, config
from train.config.files import make_config, read_recipe, read_toml, recipe_names, to_toml
from train.config.structure import structure
from train.model.model import build


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_valid_and_survives_its_file(name: str, tmp_path: Path) -> None:
    settings = make_config(read_recipe(name), name)
    path = tmp_path / "config.toml"
    path.write_text(to_toml(settings))
    assert make_config(read_toml(path), "again") == settings


def test_model_field_is_one_field_layer_then_dense_ones() -> None:
    settings = make_config({"model": "field", "hidden": [20, 8], "synapses": 3}, "options")
    first, second, last = structure(settings)
    assert (first.kind, first.outputs, first.synapses, first.rule) == ("field", 20, 3, "box")
    assert [(entry.kind, entry.outputs) for entry in (second, last)] == [("dense", 8), ("dense", None)]
    assert settings.quantise is not None


def test_rules_without_integer_charges_have_no_quantised_phase_by_default() -> None:
    assert make_config({"model": "field", "rule": "gaussian"}, "options").quantise is None


def test_settings_of_model_field_survive_their_file(tmp_path: Path) -> None:
    settings = make_config({"model": "field"}, "options")
    path = tmp_path / "config.toml"
    path.write_text(to_toml(settings))
    assert make_config(read_toml(path), "again") == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"layers": [{"kind": "fild"}]}, "layers.0 .*'fild'.*'field'"),
        ({"layers": [{"kind": "field", "synapses": 0}]}, "layers.0.field.synapses is 0"),
        ({"layers": [{"kind": "field", "kernel": 3}]}, r"unknown field 'layers.0.field.kernel' \(known: kind, outputs, synapses, grid"),
        ({"layers": [{"kind": "field", "rule": "boxes"}]}, "layers.0.field.rule is 'boxes': 'boxes' is not one of box"),
        ({"layers": [{"kind": "dense", "bits": 3}]}, "layers.0.dense.bits is 3: input should be 8, 4 or 2"),
        ({"layers": [{"kind": "dense", "bits": 4, "odd": True}]}, "odd weights have 2 bits, not 4"),
        ({"layers": [{"kind": "dense"}], "hidden": [3]}, "layers and hidden both say"),
        ({"input_bits": 9}, "input_bits is 9"),
        ({"model": "spatial", "rule": "box"}, "rule is 'box'"),
        ({"model": "replicated"}, "model is 'replicated'"),
        ({"quantise": {"epochs": 0}}, "quantise.epochs is 0"),
        ({"augment": {"rotate": 3}}, r"unknown field 'augment.rotate' \(known: share, rotation"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_config(values, "settings")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"kind": "field"}, {"kind": "dense"}], "layers.0 of kind 'field' lacks 'outputs'"),
        ([{"kind": "field", "outputs": 4}, {"kind": "dense", "outputs": 4}], "layers.1.outputs is 4, but the last layer needs 3"),
    ],
)
def test_numbers_of_neurons_are_checked_against_the_classes(layers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(config(layers, quantise=None), bars())
