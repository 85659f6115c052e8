"""The command trains field networks by options and by recipe, and says which options do not go together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.network.file import load
from tests.support.commands import checked, error_of


def test_model_field_by_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("fit", "--data", "digits", "--model", "field", "--neurons", "12", "--synapses", "3", "--epochs", "3", "--quantise-epochs", "2")
    result = json.loads(checked("train", *words, "--out", str(out), "--json").stdout)
    assert result["epochs"] == 5
    assert {"float_validation_accuracy", "validation_accuracy", "test_accuracy", "seconds"} <= set(result)
    network = load(out)
    assert [layer.kind for layer in network.layers] == ["field", "dense"]
    assert network.layers[0].arrays["charge"].shape == (12, 3)
    assert all("step" in layer.arrays for layer in network.layers)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["phase"] for row in rows] == ["float"] * 3 + ["quantised"] * 2
    assert all(row["epoch_seconds"] > 0 for row in rows)
    assert json.loads((out / "result.json").read_text())["seconds"] == pytest.approx(rows[-1]["seconds"])


def test_no_quantised_epochs_leaves_a_float_network(tmp_path: Path) -> None:
    words = ("fit", "--data", "digits", "--model", "field", "--neurons", "8", "--epochs", "1", "--quantise-epochs", "0")
    checked("train", *words, "--out", str(tmp_path / "run"), "--json")
    assert not any("step" in layer.arrays for layer in load(tmp_path / "run").layers)


def test_recipe_may_be_shortened(tmp_path: Path) -> None:
    words = ("fit", "--recipe", "digits-field", "--epochs", "1", "--quantise-epochs", "1", "--out", str(tmp_path / "run"), "--json")
    checked("train", *words)
    assert load(tmp_path / "run").provenance["recipe"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--recipe", "digits-field", "--hidden", "9"), "digits-field lists its layers, so --hidden cannot be given"),
        (("--data", "digits", "--model", "field", "--synapses", "0"), "synapses is 0"),
        (("--data", "digits", "--model", "field", "--rule", "bx"), "rule is 'bx': 'bx' is not one of box, gaussian"),
    ],
)
def test_options_that_cannot_be_are_named(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in error_of("train", "fit", *words, "--out", str(tmp_path / "run"))
