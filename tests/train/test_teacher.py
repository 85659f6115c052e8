"""Distillation: the loss is the stated one, a run follows its teachers through both phases, and teachers that do not fit are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devices.errors import InputError
from runtime.data.dataset import Dataset, Split
from runtime.network.file import save
from tests.support.samples import bars, config
from train.__main__ import main
from train.config.files import make_config, read_toml, to_toml
from train.library import fit as train
from train.loop.fit import StopTraining, fit
from train.loop.run_folder import RunFolder
from train.loop.teacher import Teachers, read_teachers

TEACHER: list[dict[str, Any]] = [{"kind": "replicated", "prototypes": 6, "pool": 2}, {"kind": "dense"}]
STUDENT: list[dict[str, Any]] = [{"kind": "field", "outputs": 6}, {"kind": "dense", "bits": 4}]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a network that knows bars well."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    network = train(config(TEACHER, epochs=6), bars())
    assert network.provenance["test_accuracy"] > 0.9
    save(network, path)
    return path


def distilled(teacher: Any, **settings: Any) -> Any:
    return config(STUDENT, distil={"teacher": teacher, **settings})


def read(teacher: Any, data: Dataset, **settings: Any) -> Teachers:
    found = read_teachers(distilled(teacher, **settings), data)
    assert found is not None
    return found


def test_the_loss_is_that_of_the_equation(taught: Path) -> None:
    data = bars()
    teachers = read([str(taught)], data, weight=0.3, temperature=4.0)
    u, y = torch.tensor(data.train.x[:20]), torch.tensor(data.train.y[:20])
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    t = teachers.models[0](u).detach().numpy().astype(float)

    def softmax(scores: Any) -> Any:
        e = np.exp(scores - scores.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    student = z.numpy().astype(float)
    hard = -np.log(softmax(student)[np.arange(20), y.numpy()]).mean()
    p, q = softmax(t / 4), softmax(student / 4)
    soft = (p * np.log(p / q)).sum(1).mean()
    assert float(teachers.loss(u, z, y)) == pytest.approx(0.7 * hard + 0.3 * 16 * soft, rel=1e-4)


def test_probabilities_of_several_teachers_are_averaged_and_they_do_not_learn(taught: Path) -> None:
    data = bars()
    u = torch.tensor(data.test.x[:50])
    one, two = read(str(taught), data), read([str(taught), str(taught)], data)
    assert torch.allclose(one.probabilities(u), two.probabilities(u))
    assert (one.probabilities(u).argmax(1).numpy() == data.test.y[:50]).mean() > 0.9  # as it was trained: nothing of it was lost
    assert not any(parameter.requires_grad for parameter in one.parameters())


def test_a_network_learns_from_its_teacher_what_wrong_labels_do_not_say(taught: Path) -> None:
    data = bars()
    wrong = Split(data.train.x, np.random.default_rng(0).permutation(data.train.y))
    blind = replace(data, train=wrong)
    settings = distilled(str(taught), weight=1.0).model_copy(update={"epochs": 10})
    network = train(settings, blind)
    assert network.provenance["test_accuracy"] > 0.85  # both phases: the float one learns it, the quantised one keeps it
    assert train(settings.model_copy(update={"distil": None}), blind).provenance["test_accuracy"] < 0.6


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(taught: Path, tmp_path: Path) -> None:
    data, settings = bars(), distilled([str(taught)], weight=0.5)
    settings = settings.model_copy(update={"augment": make_config({"augment": 0.5}, "x").augment})

    def stop(row: dict[str, Any]) -> None:
        if row["epoch"] == 1:
            raise StopTraining

    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    fit(settings, data, whole)
    fit(settings, data, parts, report=stop)
    assert parts.read_config() == settings
    fit(parts.read_config(), data, parts, resume=True)
    assert whole.network.read_bytes() == parts.network.read_bytes()


def test_settings_are_kept_and_one_teacher_needs_no_brackets(tmp_path: Path) -> None:
    settings = distilled("zoo:mnist-2k", weight=0.25)
    assert settings.distil is not None
    assert settings.distil.teacher == ("zoo:mnist-2k",)
    path = tmp_path / "config.toml"
    path.write_text(to_toml(settings))
    assert make_config(read_toml(path), "x") == settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher": "a", "weight": 1.5}, "distil.weight is 1.5"),
        ({"teacher": "a", "weight": -0.1}, "distil.weight is -0.1"),
        ({"teacher": "a", "temperature": 0}, "distil.temperature is 0"),
        ({"teacher": "a", "temperature": math.inf}, "distil.temperature is inf"),
        ({"teacher": []}, "distil.teacher is []"),
        ({"weight": 0.5}, "distil.teacher"),
        ({"teacher": "a", "heat": 2}, "unknown field 'distil.heat' (known: teacher, weight, temperature)"),
    ],
)
def test_senseless_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        config(STUDENT, distil=settings)
    assert message in str(error.value)


def test_spiking_networks_have_losses_of_their_own() -> None:
    with pytest.raises(InputError, match="spiking and distil"):
        make_config({"distil": {"teacher": "a"}, "spiking": {}}, "x")


def test_teachers_that_do_not_fit_are_named(taught: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"reads samples of shape \(28, 28\) and knows 10 classes; 'bars' has shape \(10, 12\) and 3 classes\. Give"):
        read("zoo:mnist-2k", bars())
    with pytest.raises(InputError, match=r"knows 3 classes; 'bars' has shape \(10, 12\) and 4 classes"):
        read(str(taught), bars(classes=4))
    with pytest.raises(InputError, match=r"reads bytes as .* \* \(byte - 0\), 'bars' means .* \* \(byte - 5\)"):
        read(str(taught), bars(zero_point=5))
    with pytest.raises(InputError, match="there is no network"):
        read(str(tmp_path / "none"), bars())
    with pytest.raises(InputError, match=r"Did you mean 'mnist-6k-conv'"):
        read("zoo:mnist-6k-conf", bars())


def test_the_command_refuses_before_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.toml"
    file.write_text('data = "digits"\nmodel = "dense"\nepochs = 1\n[distil]\nteacher = "zoo:mnist-2k"\n')
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--config", str(file), "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "teacher 'zoo:mnist-2k' reads samples of shape (28, 28)" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_the_option_changes_the_teacher_and_keeps_weight_and_temperature(taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    teacher = train(make_config({"data": "digits", "model": "dense", "hidden": [16], "epochs": 2}, "x"))
    save(teacher, tmp_path / "teacher.safetensors")
    file = tmp_path / "c.toml"
    file.write_text(f'data = "digits"\nmodel = "dense"\nhidden = [8]\nepochs = 1\n[distil]\nteacher = "{taught}"\nweight = 0.5\n')
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--config", str(file), "--teacher", str(tmp_path / "teacher.safetensors"), "--out", str(tmp_path / "run"), "--json"])
    assert stopped.value.code == 0, capsys.readouterr().err
    distil = RunFolder(tmp_path / "run").read_config().distil
    assert distil is not None
    assert (distil.teacher, distil.weight) == ((str(tmp_path / "teacher.safetensors"),), 0.5)
