"""Compiling spiking networks: every backend gives the reference's scores; early exit; what cannot be asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import float_network, spiking_network
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.errors import CheckError, InputError
from runtime.data.dataset import load_dataset
from runtime.network import reference
from runtime.network.file import load, save


def written(folder: Path, **constants: object) -> Path:
    """An untrained spiking network for digits: labels mean nothing, but all backends must agree on them."""
    network = spiking_network("dense", (64, 24, 10), **constants)
    data = load_dataset("digits")
    save(replace(network, input=data.spec, provenance={"data": "digits"}), folder / "net.safetensors")
    return folder / "net.safetensors"


@pytest.mark.parametrize(
    "constants",
    [{"readout": "membrane"}, {"readout": "count", "coding": "rate", "reset": "zero"}, {"readout": "first", "coding": "latency", "threshold": 0.1}],
)
def test_every_backend_gives_the_references_scores(constants: dict[str, object], tmp_path: Path) -> None:
    manifest = compile_network(written(tmp_path, **constants), tmp_path / "build", CompileOptions())
    assert all(record is not None and record.max_abs_difference == 0 and record.label_mismatches == 0 for record in manifest.parity.values())
    assert manifest.size is not None
    assert manifest.cost is not None
    assert manifest.layers[-1].store == "events_s8"
    assert sum(layer.instructions for layer in manifest.layers) == pytest.approx(manifest.cost.instructions, rel=0.02)
    assert abs(manifest.layers[-1].predicted_instructions / manifest.layers[-1].instructions - 1) < 0.15


@pytest.mark.parametrize("readout", ["count", "first"])
def test_an_early_exit_costs_no_label_where_the_readout_is_decided(readout: str, tmp_path: Path) -> None:
    source = written(tmp_path, readout=readout, steps=15, threshold=0.2)
    whole = compile_network(source, tmp_path / "whole", CompileOptions())
    early = compile_network(source, tmp_path / "early", CompileOptions(early_exit=1.0))
    assert early.accuracy.all_steps == whole.accuracy.quantised == early.accuracy.quantised
    assert early.accuracy.steps()[-1] == ("early exit", early.accuracy.quantised)
    assert early.cost is not None
    assert whole.cost is not None
    if readout == "first":  # counts of a network that was never trained are close to the end
        assert early.cost.instructions < whole.cost.instructions
    assert all(record is not None and record.max_abs_difference == 0 for record in early.parity.values())
    samples = load_dataset("digits").test.x
    networks = [load(tmp_path / name / "network.safetensors") for name in ("whole", "early")]
    assert np.array_equal(*(reference.labels(network, samples) for network in networks))


def test_an_early_exit_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="early exit at a lead of -1"):
        compile_network(written(tmp_path), tmp_path / "build", CompileOptions(early_exit=-1.0))
    data = load_dataset("digits")
    save(replace(float_network((64, 12, 10)), input=data.spec, provenance={"data": "digits"}), tmp_path / "plain.safetensors")
    with pytest.raises(InputError, match="does not spike"):
        compile_network(tmp_path / "plain.safetensors", tmp_path / "build", CompileOptions(early_exit=1.0))
    assert not (tmp_path / "build").exists()


def test_weights_far_too_small_for_the_threshold_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises((InputError, CheckError), match="threshold"):
        compile_network(written(tmp_path, threshold=1e9), tmp_path / "build", CompileOptions())
