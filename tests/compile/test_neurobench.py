"""The record of spikes in the manifest, in compile's summary and in profile; and that a network that does not spike has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compile.__main__ import main as compile_main
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from runtime.__main__ import main as runtime_main
from runtime.builds.manifest import Manifest, read_manifest
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.spiking.metrics import measure
from tests.support.builds import Zoo
from tests.support.spiking import spiking_digits


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("neurobench")
    compile_network(spiking_digits(folder), folder / "build", CompileOptions(firmware_samples=5, pj_per_ac=0.5))
    return folder / "build"


def test_manifest_has_the_metrics_of_the_test_set(built: Path) -> None:
    manifest = read_manifest(built)
    found, wanted = manifest.neurobench, measure(load(built), load_dataset("digits").test.x)
    assert found is not None
    assert found.samples == wanted.samples == manifest.accuracy.samples
    assert found.connection_sparsity == pytest.approx(wanted.connection_sparsity, abs=1e-6)
    assert found.activation_sparsity == pytest.approx(wanted.activation_sparsity, abs=1e-6)
    assert found.synaptic_operations.effective_acs == pytest.approx(wanted.effective_acs, abs=0.01)
    assert found.synaptic_operations.effective_macs == pytest.approx(wanted.effective_macs, abs=0.01)
    assert manifest.cost is not None
    assert manifest.size is not None
    assert 0 <= manifest.size.constants_bytes + manifest.size.ram_bytes - manifest.size.stack_bytes - found.footprint_bytes < 8  # padding
    assert manifest.cost.samples == 200
    assert found.worst_case is not None
    assert manifest.cost.instructions_max <= found.worst_case.instructions < 3 * manifest.cost.instructions_max
    raw = json.loads((built / "manifest.json").read_text())["neurobench"]
    assert {"Footprint", "ConnectionSparsity", "ActivationSparsity", "SynapticOperations"} <= set(raw)
    assert set(raw["SynapticOperations"]) == {"Dense", "Effective_MACs", "Effective_ACs"}
    assert Manifest.model_validate(json.loads(manifest.to_json())) == manifest


def test_energy_is_an_estimate_with_its_assumptions(built: Path) -> None:
    found = read_manifest(built).neurobench
    assert found is not None
    operations = found.synaptic_operations
    assert found.energy.estimate
    assert found.energy.operations_nj == pytest.approx((0.3 * operations.effective_macs + 0.5 * operations.effective_acs) / 1000, rel=1e-3)
    assert "Horowitz" in found.energy.operations_source


def test_profile_shows_them(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        runtime_main(["profile", str(built), "--count", "1", "--json"])
    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["neurobench"]["SynapticOperations"]["Effective_ACs"] > 0


def test_summary_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    with pytest.raises(SystemExit) as end:
        compile_main([str(spiking_digits(tmp_path)), "--out", str(tmp_path / "build"), "--firmware-samples", "2", "--pj-per-cycle", "77"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    for text in ("ActivationSparsity", "Effective_ACs", "worst case", "ESTIMATE", "77 pJ a cycle"):
        assert text in out, text


def test_bad_energy_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        compile_main([str(spiking_digits(tmp_path)), "--out", str(tmp_path / "build"), "--pj-per-mac", "-1"])
    assert end.value.code == 2
    assert "--pj-per-mac is -1" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()


def test_other_networks_have_none(zoo: Zoo) -> None:
    manifest = zoo.manifest("digits-dense")
    assert manifest.neurobench is None
    assert manifest.cost is not None
    assert manifest.cost.samples == 10
