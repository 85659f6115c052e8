"""Training as a library call: a network, a callback an epoch that can stop it, files only where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devices.errors import InputError
from runtime.network import load
from tests.train.samples import bars
from train.config import TrainConfig
from train.fit import StopTraining
from train.library import fit

CONFIG = TrainConfig(data="bars", hidden=(20,), epochs=5, batch=50)


def test_a_network_comes_back_and_every_epoch_is_told() -> None:
    rows: list[dict[str, Any]] = []
    network = fit(CONFIG, bars(), on_epoch=rows.append)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5]
    assert network.provenance["validation_accuracy"] == pytest.approx(rows[-1]["validation_accuracy"])
    assert "epochs_run" not in network.provenance


def test_a_callback_stops_the_training_and_a_folder_keeps_it(tmp_path: Path) -> None:
    def stop(row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            raise StopTraining

    network = fit(CONFIG, bars(), tmp_path / "run", on_epoch=stop)
    assert network.provenance["epochs_run"] == 2
    assert load(tmp_path / "run").provenance == network.provenance


def test_a_batch_larger_than_the_data_and_fewer_than_two_coordinates_are_refused() -> None:
    with pytest.raises(InputError, match="batch is 301"):
        fit(CONFIG.model_copy(update={"batch": 301}), bars())
    with pytest.raises(InputError, match="tf32, which only a GPU has"):
        fit(CONFIG.model_copy(update={"precision": "tf32"}), bars(), device="cpu")
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        TrainConfig(d=1)
