"""Training as a library call: a network, a callback an epoch that can stop it, files only where they are asked for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from devices.errors import InputError
from runtime.network.file import load
from tests.support.samples import bars
from train.config import TrainConfig
from train.config.files import make_config, to_toml
from train.library import fit
from train.loop.fit import Interrupted, StopTraining
from train.loop.run_folder import RunFolder
from train.loop.start import started

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


def test_a_stopped_run_goes_on_where_its_folder_is(tmp_path: Path) -> None:
    def stop(row: dict[str, Any]) -> None:
        if row["epoch"] == 2:
            raise StopTraining

    fit(CONFIG, bars(), tmp_path / "run", on_epoch=stop)
    rows: list[dict[str, Any]] = []
    network = fit(CONFIG, bars(), tmp_path / "run", on_epoch=rows.append, resume=True)
    assert [row["epoch"] for row in rows] == [3, 4, 5]
    whole = fit(CONFIG, bars())
    for one, other in zip(network.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(one.arrays["receiver"], other.arrays["receiver"])
    with pytest.raises(InputError, match="'out', which is not given"):
        fit(CONFIG, bars(), resume=True)
    with pytest.raises(InputError, match="no run to resume"):
        fit(CONFIG, bars(), tmp_path / "empty", resume=True)


def test_a_notebook_s_random_numbers_and_precision_are_left_alone() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        fit(CONFIG, bars())
        assert torch.equal(torch.rand(3), wanted)
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


def test_an_interrupted_run_without_a_folder_does_not_send_to_one() -> None:
    def interrupt(row: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="Nothing is kept") as caught:
        fit(CONFIG, bars(), on_epoch=interrupt)
    assert "--resume" not in str(caught.value)


def test_init_names_the_network_to_fine_tune_and_the_settings_say_what_it_is(tmp_path: Path) -> None:
    first = fit(CONFIG, bars(), tmp_path / "first")
    settings = {"data": "bars", "batch": 50, "epochs": 1, "rate": 1e-9, "init": str(tmp_path / "first")}
    second = fit(TrainConfig.model_validate(settings), bars(), tmp_path / "second")
    np.testing.assert_allclose(second.layers[0].arrays["receiver"], first.layers[0].arrays["receiver"], atol=1e-6)
    config = RunFolder(tmp_path / "second").read_config()
    assert [(layer.kind, layer.outputs) for layer in config.layers] == [("spatial", 20), ("spatial", 3)]  # type: ignore[union-attr]
    assert (config.d, config.gap, config.rule) == (3, "learned", "inverse")
    again = fit(TrainConfig.model_validate(settings), bars(), tmp_path / "second", resume=True)
    assert again.provenance == second.provenance
    with pytest.raises(InputError, match="is in the output folder"):
        fit(TrainConfig.model_validate(settings), bars(), tmp_path / "first")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "dense"}, "model ask for 256 dense - dense, but 'zoo:digits-spatial' is 256 spatial - 10 spatial"),
        ({"hidden": [5]}, "hidden ask for 5 spatial - spatial, but"),
        ({"layers": [{"kind": "dense", "outputs": 3}, {"kind": "dense"}]}, "layers ask for 3 dense - dense, but"),
        ({"init": "zoo:mnist-6k-conv", "model": "spatial"}, "model ask for 256 spatial - spatial, but 'zoo:mnist-6k-conv' is "),
        ({"d": 7}, "d is 7, but 'zoo:digits-spatial' has 8"),
        ({"rule": "gaussian"}, "rule is gaussian"),
        ({"input_bits": 4}, "input_bits is 4, but 'zoo:digits-spatial' has 8"),
        ({"spiking": {}}, "the neurons of 'zoo:digits-spatial' do not spike"),
        ({"init": "zoo:digits-snn", "spiking": {"steps": 3}}, "spiking.steps is 3, but 'zoo:digits-snn' has"),
        ({"init": "zoo:digits-snn", "distil": {"teacher": "zoo:digits-dense"}}, "spiking networks have losses of their own"),
    ],
)
def test_settings_that_ask_for_another_network_than_the_one_to_fine_tune_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        started(TrainConfig.model_validate({"init": "zoo:digits-spatial", **given}))


def test_settings_that_agree_with_the_network_to_fine_tune_are_taken() -> None:
    config, network = started(TrainConfig.model_validate({"init": "zoo:digits-snn", "spiking": {"activity": 0.1}}))
    assert network is not None
    assert network.spiking is not None
    assert config.spiking is not None
    assert (config.spiking.steps, config.spiking.activity) == (network.spiking.steps, 0.1)
    for name, given in (
        ("digits-dense", {"model": "dense", "head": "dense", "hidden": [32]}),
        ("mnist-4k", {}),
        ("digits-snn", {}),
        ("mnist-6k-conv", {}),
    ):
        config, network = started(TrainConfig.model_validate({"init": f"zoo:{name}", **given}))
        assert network is not None
        assert [layer.kind for layer in config.layers] == [layer.kind for layer in network.layers]
        assert (config.data, config.spiking is None) == (network.provenance["data"], network.spiking is None)
        assert make_config(tomllib.loads(to_toml(config)), "written") == config.model_copy(update={"recipe": None})


def test_every_setting_is_described() -> None:
    schema = TrainConfig.model_json_schema()
    for name, table in {"TrainConfig": schema, **schema["$defs"]}.items():
        assert [field for field, said in table["properties"].items() if not said.get("description")] == [], name
