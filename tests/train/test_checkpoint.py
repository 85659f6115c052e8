"""Checkpoints and metrics that were damaged, changed or made for another run; and runs that two processes would write."""

from __future__ import annotations

import json
import os
import random
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from devices.errors import InputError
from tests.support.commands import error_of
from tests.support.samples import bars
from train.config import TrainConfig
from train.loop import checkpoint
from train.loop.fit import fit
from train.loop.run_folder import RunFolder, read_rows

EPOCHS, DONE = 4, 2
FLIPS = 150
SEED = 17
CONFIG = TrainConfig(model="field", head="dense", hidden=(6,), synapses=2, epochs=EPOCHS, batch=64, quantise=None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The network of a run that was not stopped."""
    folder = RunFolder(tmp_path_factory.mktemp("whole") / "run")
    fit(CONFIG, bars(), folder, "cpu")
    return folder.network.read_bytes()


@pytest.fixture
def stopped(tmp_path: Path) -> RunFolder:
    """A run after two epochs."""
    folder = RunFolder(tmp_path / "run")
    fit(CONFIG, bars(), folder, "cpu", until=DONE)
    return folder


def resume(folder: RunFolder) -> bytes:
    fit(folder.read_config(), bars(), folder, "cpu", resume=True)
    return folder.network.read_bytes()


@dataclass
class Content:
    """A checkpoint taken apart."""

    header: dict[str, Any]
    tensors: dict[str, Tensor]


def content_of(path: Path) -> Content:
    with safe_open(str(path), "pt") as file:
        return Content(json.loads(file.metadata()[checkpoint.KEY]), {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


def write(path: Path, content: Content, seal: bool = True) -> None:
    """Put it together again, with the digest of what it has now."""
    if seal:
        content.header["digest"] = checkpoint.digest({name: content.header[name] for name in ("epoch", "config")}, content.tensors)
    path.write_bytes(save(content.tensors, {checkpoint.KEY: json.dumps(content.header)}))


def first(content: Content, prefix: str) -> str:
    return next(name for name in sorted(content.tensors) if name.startswith(prefix) and content.tensors[name].ndim)


def drop(prefix: str) -> Callable[[Content], Any]:
    return lambda content: content.tensors.pop(first(content, prefix))


def change(prefix: str, how: Callable[[Tensor], Tensor]) -> Callable[[Content], None]:
    def changed(content: Content) -> None:
        name = first(content, prefix)
        content.tensors[name] = how(content.tensors[name]).contiguous()

    return changed


def add(content: Content) -> None:
    content.tensors["model/more"] = torch.zeros(3)


def forget(content: Content) -> None:
    for name in [name for name in content.tensors if name.startswith("optimiser/0/")]:
        del content.tensors[name]


FAULTS: dict[str, tuple[Callable[[Content], Any], str]] = {
    "a tensor of the model is missing": (drop("model/"), "lacks the tensor 'model/"),
    "a moment is missing": (drop("optimiser/"), "lacks the tensor 'optimiser/"),
    "a parameter's moments are missing": (forget, "lacks the tensor 'optimiser/0/exp_avg'"),
    "the random numbers are missing": (drop("rng/cpu"), "lacks the tensor 'rng/cpu'"),
    "a tensor too many": (add, "has a tensor 'model/more'"),
    "another shape": (change("model/", lambda value: value[..., None]), "it must be torch.float32 of shape"),
    "another shape of as many values": (change("optimiser/", lambda value: value.reshape(-1, 1)), "it must be"),
    "another type": (change("model/", lambda value: value.double()), "as torch.float64 of shape"),
    "no step taken": (lambda content: content.tensors.update({"optimiser/0/step": torch.tensor(-1.0)}), "must be the number of steps"),
    "random numbers of another length": (change("rng/cpu", lambda value: value[:-8]), "has 'rng/cpu'"),
    "another configuration": (lambda content: content.header["config"].update(rate=0.5), "other settings: rate differ"),
    "a setting that there is not": (lambda content: content.header["config"].update(luck=1), "other settings: luck differ"),
    "an epoch behind the last": (lambda content: content.header.update(epoch=EPOCHS + 1), f"is of epoch {EPOCHS + 1}, and the run has {EPOCHS}"),
    "a negative epoch": (lambda content: content.header.update(epoch=-1), "epoch is -1"),
    "an epoch that is no number": (lambda content: content.header.update(epoch="2"), "epoch is '2'"),
    "true for an epoch": (lambda content: content.header.update(epoch=True), "epoch is True"),
    "more in the header": (lambda content: content.header.update(more=1), "has a header that is not a checkpoint's"),
    "no configuration": (lambda content: content.header.update(config=[]), "damaged header"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_with_the_right_digest_must_still_be_this_runs(fault: str, stopped: RunFolder) -> None:
    how, message = FAULTS[fault]
    content = content_of(stopped.checkpoint)
    how(content)
    write(stopped.checkpoint, content)
    with pytest.raises(InputError, match=message) as caught:
        resume(stopped)
    assert "Start again: without --resume" in str(caught.value)


@pytest.mark.parametrize("header", ["[]", "5", "null", "{}", "[" * 100_000, '{"epoch": 1}', "\\", '{"epoch": 1e999, "config": {}}'])
def test_headers_that_are_none(header: str, stopped: RunFolder) -> None:
    stopped.checkpoint.write_bytes(save(content_of(stopped.checkpoint).tensors, {checkpoint.KEY: header}))
    with pytest.raises(InputError, match="Start again: without --resume"):
        resume(stopped)


def test_a_changed_value_is_noticed(stopped: RunFolder) -> None:
    content = content_of(stopped.checkpoint)
    content.tensors[first(content, "model/")].view(-1)[0] += 1e-6
    write(stopped.checkpoint, content, seal=False)
    with pytest.raises(InputError, match="its digest is another"):
        resume(stopped)


def test_every_flipped_bit_is_refused(stopped: RunFolder) -> None:
    content, chance = stopped.checkpoint.read_bytes(), random.Random(SEED)
    for _ in range(FLIPS):
        bit = chance.randrange(8 * len(content))
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        stopped.checkpoint.write_bytes(changed)
        with pytest.raises(InputError, match="Start again"):
            checkpoint.finished_epochs(stopped.checkpoint)


def test_checkpoints_of_before_there_were_digests_go_on(stopped: RunFolder, whole: bytes) -> None:
    content = content_of(stopped.checkpoint)
    del content.header["digest"]
    write(stopped.checkpoint, content, seal=False)
    assert resume(stopped) == whole


@pytest.mark.parametrize("tail", [b'{"epoch": 3, "ph', b"\x00\x00\x00", b'{"epoch": 3}\n', b"\xff\n", b"[]\n"])
def test_a_damaged_end_of_the_metrics_is_cut_and_said(tail: bytes, stopped: RunFolder, whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with stopped.metrics.open("ab") as file:
        file.write(tail)
    assert resume(stopped) == whole
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == 1
    assert notes[0].startswith(f"note: the last line of '{stopped.metrics}'")
    assert [row["epoch"] for row in read_rows(stopped.metrics)[0]] == list(range(1, EPOCHS + 1))


def test_lost_rows_are_said(stopped: RunFolder, whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    stopped.metrics.write_bytes(stopped.metrics.read_bytes().split(b"\n")[0] + b"\n")
    assert resume(stopped) == whole
    assert "lacks 1 of 2 finished epochs" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"\xff", b'"epoch"', b"{}", b'{"epoch": NaN}', b"[" * 100_000])
def test_a_bad_line_inside_the_metrics_is_named(line: bytes, stopped: RunFolder) -> None:
    before = stopped.metrics.read_bytes()
    stopped.metrics.write_bytes(line + b"\n" + before)
    with pytest.raises(InputError, match=f"line 1 of '{stopped.metrics}' is damaged"):
        resume(stopped)
    assert stopped.metrics.read_bytes() == line + b"\n" + before


def test_an_epoch_twice_is_named(stopped: RunFolder) -> None:
    stopped.metrics.write_bytes(stopped.metrics.read_bytes() * 2)
    with pytest.raises(InputError, match=r"line 3 of .* is damaged \(epoch 1 is out of order\)"):
        resume(stopped)


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    told: list[str] = []

    def second(row: dict[str, Any]) -> None:
        if row["epoch"] == 1:
            for words in (("--force",), ("--resume",)):
                more = () if words == ("--resume",) else ("--data", "digits", "--model", "dense", "--epochs", "1")
                told.append(error_of("train", "fit", "--out", str(folder.path), *words, *more))

    fit(CONFIG.model_copy(update={"data": "digits"}), bars(), folder, "cpu", report=second)
    assert len(told) == 2
    assert all(f"process {os.getpid()} is writing the run '{folder.path}'" in text for text in told)
    assert [row["epoch"] for row in read_rows(folder.metrics)[0]] == list(range(1, EPOCHS + 1))
    assert not (folder.path / ".lock").exists()


def test_what_a_killed_start_left_is_no_foreign_folder(tmp_path: Path, whole: bytes) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    (folder.path / ".lock").write_text("4194305\n")
    (folder.path / f".config.toml.4194305-01234567-{'0' * 16}.part").write_text("# near")
    folder.check_free()
    fit(CONFIG, bars(), folder, "cpu")
    assert folder.network.read_bytes() == whole


def test_a_full_disk_leaves_no_run_that_did_not_begin_and_the_last_state_of_one_that_did(stopped: RunFolder, whole: bytes, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = stopped.checkpoint.stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))
        with pytest.raises(OSError, match="File too large: .*checkpoint.safetensors"):
            fit(CONFIG, bars(), RunFolder(tmp_path / "new" / "run"), "cpu")
        with pytest.raises(OSError, match="File too large: .*checkpoint.safetensors"):
            fit(CONFIG, bars(), stopped, "cpu", resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "new").exists()
    assert {path.name for path in stopped.path.iterdir()} == {
        "checkpoint.safetensors",
        "config.toml",
        "metrics.jsonl",
        "network.safetensors",
        "result.json",
    }
    assert resume(stopped) == whole


@pytest.mark.parametrize("more", [{}, {"quantise": None}, {"rule": "gaussian"}, {"quantise": {"epochs": 2}}, {"settle": None}])
def test_the_settings_that_a_run_keeps_are_read_back_as_they_were(more: dict[str, Any], tmp_path: Path) -> None:
    config = TrainConfig.model_validate({"model": "field", "head": "dense", "hidden": [6]} | more)
    folder = RunFolder(tmp_path / "run")
    folder.start(config)
    folder.checkpoint.touch()
    assert folder.read_config() == config


def test_a_run_that_does_not_begin_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to resume|cannot be read|precision"):
        fit(CONFIG.model_copy(update={"precision": "tf32"}), bars(), RunFolder(tmp_path / "a" / "b"), "cpu")
    assert list(tmp_path.iterdir()) == []
