"""A compiled step follows the plain one; without a compiler there is one clear error. Graphs are captured, but not turned into C++ here."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch

from devices.errors import InputError, NearwireError
from tests.support.samples import bars, config
from train.config import TrainConfig
from train.library import fit
from train.loop.compiled import check_compilable
from train.model.model import build

LAYERS = [{"kind": "replicated", "prototypes": 3, "kernel": 3, "pool": 2}, {"kind": "dense", "outputs": 8}, {"kind": "dense"}]


def losses(how: TrainConfig) -> list[float]:
    rows: list[dict[str, Any]] = []
    fit(how, bars(), device="cpu", on_epoch=rows.append)
    return [row["loss"] for row in rows]


def test_compiled_steps_follow_the_plain_ones_in_both_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    captured: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        captured.append(len(inputs))
        return graph.forward

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    plain = losses(config(LAYERS, augment=0.5))
    assert not captured
    assert losses(config(LAYERS, augment=0.5, compile=True)) == pytest.approx(plain, rel=1e-4)
    assert captured


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no working C++ compiler")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    torch._dynamo.reset()
    with pytest.raises(NearwireError, match="torch.compile failed: .*no working C\\+\\+ compiler.*train without --compile"):
        fit(config([{"kind": "dense"}], compile=True), bars(), device="cpu")


@pytest.mark.parametrize("settings", [{"model": "spatial"}, {"model": "dense", "spiking": {}}], ids=["spatial", "spiking"])
def test_models_that_gain_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--compile does nothing for sp"):
        fit(TrainConfig.model_validate({"data": "bars", "compile": True, "epochs": 1, "batch": 50, **settings}), bars())


def test_it_is_not_shared_among_processes() -> None:
    dense = config([{"kind": "dense"}])
    with pytest.raises(InputError, match="2 share this run"):
        check_compilable(build(dense, bars()), 2)
