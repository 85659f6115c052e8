"""Out of memory is one error that says how to need less."""

from __future__ import annotations

import pytest
import torch

from tests.support.samples import bars
from train.config import TrainConfig
from train.library import fit
from train.loop.memory import OutOfMemory, explained

CPU = torch.device("cpu")


def test_an_allocation_that_fails_in_training_names_what_lowers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(data="bars", hidden=(20,), epochs=1, batch=50)

    def huge(*arguments: object) -> float:
        torch.empty(2**60, dtype=torch.uint8)
        return 0.0

    monkeypatch.setattr("train.loop.fit.train_epoch", huge)
    with pytest.raises(OutOfMemory, match=r"the machine is out of memory: 1,099,511,627,776 MiB.*--batch \(it is 50\).*--weights tiled") as caught:
        fit(config, bars())
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("where", ["build", "optimiser_of", "finish", "read_teachers"])
def test_so_does_one_before_and_after_the_steps(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def huge(*arguments: object) -> object:
        return torch.empty(2**60, dtype=torch.uint8)

    monkeypatch.setattr(f"train.loop.fit.{where}", huge)
    with pytest.raises(OutOfMemory, match="the machine is out of memory"):
        fit(TrainConfig(data="bars", hidden=(20,), epochs=1, batch=50), bars())


@pytest.mark.parametrize(
    ("error", "settings", "said", "unsaid"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB."), {}, "the GPU is out of memory: 2.50 GiB", "time steps"),
        (MemoryError(), {"spiking": {"steps": 7}}, "fewer time steps (spiking.steps is 7)", "MiB"),
        (MemoryError(), {"weights": "tiled"}, "fewer --hidden neurons", "--weights tiled"),
        (MemoryError(), {"model": "dense"}, "--batch", "--weights tiled"),
        (MemoryError(), {"layers": [{"kind": "dense", "outputs": 9}, {"kind": "dense"}]}, "fewer outputs of its layers", "--hidden"),
    ],
)
def test_the_ways_fit_the_run(error: Exception, settings: dict[str, object], said: str, unsaid: str) -> None:
    device = torch.device("cuda") if isinstance(error, torch.OutOfMemoryError) else CPU
    with pytest.raises(OutOfMemory) as caught, explained(TrainConfig.model_validate(settings), device):
        raise error
    assert said in str(caught.value)
    assert unsaid not in str(caught.value)


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="something else"), explained(TrainConfig(), CPU):
        raise RuntimeError("something else")
