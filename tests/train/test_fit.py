"""Runs: the default reaches its accuracy, a killed run goes on as if nothing had happened, and what is in the way is said in one line."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import InputError, NearwireError
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.reference import accuracy
from tests.support.commands import checked, error_of
from tests.support.processes import interruptible
from tests.support.samples import bars
from train.config.files import make_config, read_recipe
from train.loop.checkpoint import finished_epochs
from train.loop.fit import Interrupted, fit, pick_device
from train.loop.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]


def process(*words: str, before: str = "pass") -> subprocess.Popen[str]:
    """``nearwire train`` as a process of its own, to be killed."""
    code = f"import train.loop.fit; {before}; from train.__main__ import main; main({list(words)})"
    return interruptible([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)


def wait_for_epochs(run: subprocess.Popen[str], out: Path, count: int) -> None:
    limit = time.monotonic() + 120
    metrics = out / "metrics.jsonl"
    while not (metrics.is_file() and metrics.read_text().count("\n") >= count):
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < limit, f"no {count} epochs in {out}"
        time.sleep(0.01)


def small(**settings: Any) -> Any:
    return make_config({"data": "bars", "hidden": [8], "epochs": 3, "batch": 50, **settings}, "test")


def test_the_default_run_is_accurate_before_and_after_quantisation(tmp_path: Path) -> None:
    out = tmp_path / "run"
    summary = json.loads(checked("train", "fit", "--json", "--out", str(out)).stdout)
    dataset, network = load_dataset("digits"), load(out)
    assert summary["recipe"] == "digits-spatial"
    assert summary["test_accuracy"] >= 0.955
    assert summary["test_accuracy"] == pytest.approx(accuracy(network, dataset.test.x, dataset.test.y), abs=1e-6)
    frozen = freeze(network)
    assert accuracy(frozen, dataset.test.x, dataset.test.y) == accuracy(network, dataset.test.x, dataset.test.y)  # signs had settled
    assert accuracy(quantise(frozen, dataset.train.x), dataset.test.x, dataset.test.y) >= 0.95
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, summary["epochs"] + 1))
    assert {"loss", "validation_accuracy", "rate", "seconds"} <= set(rows[0])
    written = {"network.safetensors", "metrics.jsonl", "config.toml", "checkpoint.safetensors", "result.json", "curves.html", "curves.svg"}
    assert {path.name for path in out.iterdir()} == written


@pytest.mark.parametrize("settings", [{}, {"model": "dense", "noise": 0.1}, {"gap": "relaxed", "prune": 0.5, "augment": 0.5}], ids=str)
def test_the_same_run_gives_the_same_bytes_and_another_seed_others(tmp_path: Path, settings: dict[str, Any]) -> None:
    files = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        fit(small(seed=seed, **settings), bars(), RunFolder(tmp_path / name))
        files.append((tmp_path / name / "network.safetensors").read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


@pytest.mark.parametrize(("phases", "after", "total"), [(("--epochs", "24"), 5, 24), (("--epochs", "4", "--quantise-epochs", "18"), 9, 22)])
def test_a_run_killed_with_9_and_resumed_ends_in_the_same_weights(tmp_path: Path, phases: tuple[str, ...], after: int, total: int) -> None:
    words = ["fit", "--data", "digits", "--hidden", "24", *phases, "--batch", "60", "--seed", "5"]
    checked("train", *words, "--out", str(tmp_path / "whole"))
    killed = tmp_path / "killed"
    run = process(*words, "--out", str(killed), before="train.loop.fit.CHECKPOINT_SECONDS = 0.05")
    wait_for_epochs(run, killed, after)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert not (killed / "network.safetensors").exists()
    assert after - 8 <= finished_epochs(killed / "checkpoint.safetensors") < total
    assert "unfinished run" in error_of("train", *words, "--out", str(killed))
    checked("train", "fit", "--resume", "--out", str(killed))
    assert (killed / "network.safetensors").read_bytes() == (tmp_path / "whole" / "network.safetensors").read_bytes()
    assert [json.loads(line)["epoch"] for line in (killed / "metrics.jsonl").read_text().splitlines()] == list(range(1, total + 1))


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")

    def stop(row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=f"fit --resume --out {folder.path}") as caught:
        fit(small(), bars(), folder, report=stop)
    assert caught.value.exit_code == 130
    fit(small(), bars(), RunFolder(tmp_path / "whole"))
    fit(folder.read_config(), bars(), folder, resume=True)
    assert folder.network.read_bytes() == (tmp_path / "whole" / "network.safetensors").read_bytes()


def test_sigint_exits_130(tmp_path: Path) -> None:
    run = process("fit", "--epochs", "100000", "--out", str(tmp_path / "run"))
    wait_for_epochs(run, tmp_path / "run", 1)
    run.send_signal(signal.SIGINT)
    errors = run.communicate(timeout=60)[1]
    assert run.returncode == 130
    assert re.search(r"error: interrupted\..*--resume --out", errors)
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()


def test_fine_tuning_prunes_a_trained_network_and_keeps_its_signs(tmp_path: Path) -> None:
    fit(small(epochs=20), bars(), RunFolder(tmp_path / "first"))
    first = load(tmp_path / "first")
    fit(small(prune=0.8, rate=0.02), bars(), RunFolder(tmp_path / "second"), start=first)
    second = load(tmp_path / "second")
    for before, after in zip(first.layers, second.layers, strict=True):
        assert "cutoff2" in after.options
        np.testing.assert_array_equal(np.sign(after.arrays["inhibition"]), np.sign(before.arrays["inhibition"]))
    assert second.provenance["prune"] == 0.8


def test_a_network_of_other_data_cannot_be_fine_tuned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give the data set it was trained on"):
        fit(small(), bars(), RunFolder(tmp_path / "run"), start=load(ROOT / "runtime" / "zoo" / "digits-spatial.safetensors"))


def test_diverging_training_is_an_error_that_names_the_rate(tmp_path: Path) -> None:
    with pytest.raises(NearwireError, match="diverged in epoch .* Lower --rate"):
        fit(small(model="dense", rate=1e30, schedule="constant"), bars(), RunFolder(tmp_path / "run"))


def test_damaged_or_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    fit(small(), bars(), folder)
    with pytest.raises(InputError, match="other settings: .*epochs"):
        fit(small(epochs=5), bars(), folder, resume=True)
    content = folder.checkpoint.read_bytes()
    folder.checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        fit(small(), bars(), folder, resume=True)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NearwireError, match="torch sees no GPU"):
        pick_device("cuda")


def test_foreign_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter1.tex").write_text("x")
    with pytest.raises(InputError, match="not a training run and not empty"):
        RunFolder(foreign).check_free()
    with pytest.raises(InputError, match="is a file"):
        RunFolder(foreign / "chapter1.tex").check_free()
    assert "left alone" in error_of("train", "fit", "--out", str(foreign))
    assert [path.name for path in foreign.iterdir()] == ["chapter1.tex"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "0"], "epochs is 0"),
        (["--batch", "5000"], "batch is 5000, but 'digits' has 1259"),
        (["--d", "1"], "d is 1"),
        (["--prune", "1"], "prune is 1.0"),
        (["--prune", "-0.1"], "prune is -0.1"),
        (["--rate", "0"], "rate is 0.0"),
        (["--rate", "nan"], "rate is nan"),
        (["--precision", "float16"], "precision is 'float16'"),
        (["--precision", "tf32", "--device", "cpu"], "precision is tf32, which only a GPU has"),
        (["--weights", "none"], "weights is 'none'"),
        (["--quantise-bits", "3"], "quantise.bits is 3"),
        (["--quantise-bits", "6", "--quantise-epochs", "0"], "--quantise-bits cannot be given"),
        (["--hidden", "12,x"], "--hidden is '12,x'"),
        (["--hidden", "-3"], "hidden.0 is -3"),
        (["--model", "sptial"], "model is 'sptial'"),
        (["--model", "replicated"], "list them as layers in a TOML file"),
        (["--init", "zoo:digits-spatial", "--d", "5"], "d is 5, but 'zoo:digits-spatial' has 8"),
        (["--hiden", "5"], "See 'nearwire train fit --help'."),
        (["--gap", "wide"], "gap is 'wide'"),
        (["--schedule", "step"], "schedule is 'step'"),
        (["--data", "digit"], "Did you mean 'digits'"),
        (["--recipe", "mnist-spacial"], "Did you mean 'mnist-spatial'"),
        (["--recipe", "mnist-spatial", "--config", "x.toml"], "Give one of them"),
        (["--config", "absent.toml"], "no configuration file 'absent.toml'"),
        (["--init", "zoo:digits-spacial"], "Did you mean 'digits-spatial'"),
        (["--init", "digits-spatial"], "Did you mean 'zoo:digits-spatial'"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--resume"], "--resume needs --out"),
        (["--epochs", "many"], "--epochs"),
    ],
)
def test_senseless_options(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error_of("train", "fit", *words)
    assert not any(tmp_path.iterdir())


def test_a_network_is_not_fine_tuned_into_its_own_folder(tmp_path: Path) -> None:
    fit(small(), bars(), RunFolder(tmp_path / "run"))
    before = (tmp_path / "run/network.safetensors").read_bytes()
    for init in (tmp_path / "run", tmp_path / "run/network.safetensors"):
        assert "is in the output folder" in error_of("train", "fit", "--init", str(init), "--out", str(tmp_path / "run"))
    assert (tmp_path / "run/network.safetensors").read_bytes() == before


def test_a_folder_below_a_file_is_named_as_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    for words in (
        ("fit", "--data", "digits", "--epochs", "1", "--out", str(tmp_path / "notes/run")),
        ("paper", "fig3a", "--shipped", "--out", str(tmp_path / "notes")),
    ):
        assert "a part of the path is a file" in error_of("train", *words)
    assert (tmp_path / "notes").read_text() == "mine"


def test_configuration_files_name_their_wrong_fields(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('epochs = 0\nlearning_rate = 1\n[rates]\ngap = "fast"\n')
    found = error_of("train", "fit", "--config", str(path), "--out", str(tmp_path / "run"))
    assert "epochs is 0" in found
    assert "unknown field 'learning_rate'" in found
    assert "rates.gap is 'fast'" in found
    path.write_text("epochs = \n")
    assert "is not TOML" in error_of("train", "fit", "--config", str(path))


def test_the_zoo_lists_what_its_recipes_say() -> None:
    rows = json.loads(checked("train", "zoo", "--json").stdout)
    assert {"zoo:digits-spatial", "zoo:digits-dense", "zoo:mnist-spatial"} <= {row["name"] for row in rows}
    for row in rows:
        recipe = read_recipe(row["name"].removeprefix("zoo:"))
        assert row["data"] == recipe["data"]
        assert row["recipe"] == row["name"].removeprefix("zoo:")
        assert 0.85 < row["test_accuracy"] <= 1


def test_data_says_what_is_in_a_data_set() -> None:
    found = json.loads(checked("train", "data", "digits", "--json").stdout)
    assert found["shape"] == [8, 8]
    assert {part: sum(counts) for part, counts in found["samples"].items()} == {"train": 1259, "validation": 179, "test": 359}
    assert "1259" in checked("train", "data", "digits").stdout
