"""Two gloo processes of torchrun follow the loss curve of one process with the same batch, and one of them writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from devices.errors import InputError
from runtime.data.dataset import load_dataset
from tests.support.commands import error_of
from train.config.files import make_config, to_toml
from train.config.tables import Augment
from train.loop.augment import augment
from train.loop.fit import fit
from train.loop.parallel import Processes, is_first, meet
from train.loop.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
TORCHRUN = {"WORLD_SIZE": "3", "RANK": "1", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "3"}
SPATIAL = {"model": "spatial", "hidden": [24], "noise": 0.05, "augment": {"share": 0.6, "rotation": 8, "flip": True, "elastic": 0.02}}
FIELD = {"model": "field", "hidden": [16]}  # its normalisation takes the statistics of the whole batch
SPIKING = {"model": "dense", "hidden": [24], "spiking": {"steps": 4, "coding": "rate", "readout": "count", "activity": 0.05, "activity_weight": 30.0}}


def torchrun(*words: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "train", "fit", "--device", "cpu", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def losses(folder: RunFolder) -> list[float]:
    return [json.loads(line)["loss"] for line in folder.metrics.read_text().splitlines()]


@pytest.mark.parametrize(
    ("settings", "resumed"),
    [(SPATIAL, False), (FIELD, True), (SPIKING, False)],
    ids=["spatial, augmented", "field, resumed", "spiking, random spikes"],
)
def test_two_processes_follow_the_curve_of_one(tmp_path: Path, settings: dict[str, Any], resumed: bool) -> None:
    config = make_config({"data": "digits", "epochs": 3, "batch": 101, "quantise": {"epochs": 1}, **settings}, "test")  # 50 and 51 samples a step
    data, alone, shared = load_dataset("digits"), RunFolder(tmp_path / "alone"), RunFolder(tmp_path / "shared")
    fit(config, data, alone, "cpu")
    if resumed:
        fit(config, data, shared, "cpu", until=1)
        out = torchrun("--resume", "--out", str(shared.path), "--json")
    else:
        file = tmp_path / "config.toml"
        file.write_text(to_toml(config))
        out = torchrun("--config", str(file), "--out", str(shared.path), "--json")
    assert losses(shared) == pytest.approx(losses(alone), rel=1e-5)
    assert len(losses(shared)) == 4
    assert json.loads(out)["epochs"] == 4  # one process printed
    assert {path.name for path in shared.path.iterdir()} >= {"network.safetensors", "result.json", "curves.html"}


def test_a_batch_is_shared_without_gaps_and_a_sample_is_changed_alike_whoever_holds_it() -> None:
    parts = [Processes(rank, 3).rows(10) for rank in range(3)]
    assert [k for part in parts for k in range(10)[part]] == list(range(10))
    x = torch.rand(10, 64) * 255
    how = Augment(share=0.7, rotation=20, shift=0.1, flip=True, elastic=0.05)
    whole = augment(x, (8, 8), how, torch.Generator().manual_seed(1))
    assert not torch.equal(whole, x)
    held = [augment(x[part], (8, 8), how, torch.Generator().manual_seed(1), batch=10, first=part.start) for part in parts]
    torch.testing.assert_close(torch.cat(held), whole, rtol=0, atol=0.01)  # of 255: products of other sizes round otherwise


def test_more_processes_than_samples_are_refused_and_one_process_writes() -> None:
    with pytest.raises(InputError, match="batch is 2, but 3 processes share it"):
        meet(torch.device("cpu"), 2, TORCHRUN)
    assert not is_first(TORCHRUN)
    assert is_first({})
    assert is_first({**TORCHRUN, "RANK": "0"})


def test_the_paper_s_experiments_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert "run in one process" in error_of("train", "paper", "table1", "--epochs", "1")
