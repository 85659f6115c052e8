"""The command trains spiking networks by options and by recipe, warns of silent layers, and names options that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runtime.network.file import load
from tests.support.commands import checked, error_of


def test_spiking_by_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("fit", "--data", "digits", "--model", "field", "--neurons", "8", "--epochs", "2", "--quantise-epochs", "1", "--coding", "rate")
    words = (*words, "--steps", "4", "--readout", "count", "--learn", "beta,threshold", "--activity", "0.2", "--out", str(out))
    assert json.loads(checked("train", *words, "--json").stdout)["epochs"] == 3
    network = load(out)
    assert network.spiking is not None
    assert (network.spiking.steps, network.spiking.coding, network.spiking.readout) == (4, "rate", "count")
    assert all({"beta", "threshold"} <= set(layer.options) for layer in network.layers)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert all(len(row["firing"]) == 2 and min(row["firing"]) > 0 for row in rows)


def test_spiking_alone_takes_the_spiking_recipe(tmp_path: Path) -> None:
    out = tmp_path / "run"
    checked("train", "fit", "--spiking", "--epochs", "1", "--quantise-epochs", "1", "--steps", "3", "--out", str(out), "--json")
    network = load(out)
    assert network.spiking is not None
    assert (network.spiking.steps, [layer.kind for layer in network.layers]) == (3, ["field", "dense"])


def test_a_network_that_never_spikes_is_warned_of_once(tmp_path: Path) -> None:
    words = ("fit", "--data", "digits", "--model", "dense", "--hidden", "8", "--threshold", "90", "--epochs", "2", "--out", str(tmp_path / "run"))
    told = checked("train", *words, "--json").stderr
    assert told.count("warning") == 1
    assert "layer 0 never spiked. Lower spiking.threshold (it is 90.0)" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--steps", "0"), "spiking.steps is 0"),
        (("--beta", "1.2"), "spiking.beta is 1.2"),
        (("--threshold", "0"), "spiking.threshold is 0"),
        (("--coding", "phase"), "spiking.coding is 'phase'"),
        (("--learn", "reset"), "spiking.learn.0 is 'reset'"),
        (("--recipe", "mnist-5k-conv", "--spiking"), "a layer is replicated"),
    ],
)
def test_options_that_cannot_be_are_named(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in error_of("train", "fit", *words, "--out", str(tmp_path / "run"))
