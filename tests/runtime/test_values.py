"""Values and labels as people have them: what becomes of signed, many-channel, tabular and small whole numbers, of labels that are texts or have holes,
of parts and groups, and that a network goes on reading data as it was trained on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import box_network
from runtime.data.dataset import Dataset, load_dataset
from runtime.data.mapping import is_signal, maps_of

RNG = np.random.default_rng(0)
Y = np.arange(120) % 3


def data(tmp_path: Path, **arrays: object) -> Dataset:
    path = tmp_path / "own.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return load_dataset(str(path))


def waves(count: int = 120, length: int = 60) -> np.ndarray:
    phase = RNG.uniform(0, 6, (count, 1))
    return np.sin(np.arange(length) / 5 + phase) * 3 + RNG.normal(0, 0.1, (count, length))


@pytest.mark.parametrize(
    ("shape", "values", "maps"),
    [
        ((60,), waves(), 1),  # a signal
        ((60,), RNG.normal(0, 1, (120, 60)), 1),  # noise of one size is a signal too
        ((13,), RNG.normal(0, 1, (120, 13)) * 10.0 ** np.arange(13), 13),  # a table
        ((30, 2), RNG.normal(0, 1, (120, 60)), 2),  # time, channels
        ((6, 10), RNG.normal(0, 1, (120, 60)), 1),  # an image
        ((4, 5, 3), RNG.normal(0, 1, (120, 60)), 1),
    ],
)
def test_how_many_maps(shape: tuple[int, ...], values: np.ndarray, maps: int) -> None:
    assert maps_of(shape, values) == maps


def test_neighbours_that_differ_in_size_are_no_signal() -> None:
    assert not is_signal(RNG.normal(0, 1, (200, 8)) * np.array([1, 50] * 4))


def test_channels_have_a_range_each(tmp_path: Path) -> None:
    x = RNG.normal(0, 1, (120, 30, 2)) * [1, 1000]
    dataset = data(tmp_path, x=x, y=Y)
    u = dataset.train.x.reshape(-1, 30, 2)
    assert all(40 < u[..., k].std() < 70 for k in (0, 1))
    assert dataset.front[0].options["dtype"] == "float32"


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (RNG.integers(0, 2, (120, 9)), "int8"),
        (RNG.integers(0, 17, (120, 8, 8)), "int8"),
        (RNG.integers(-500, 500, (120, 30, 2)), "int16"),
        (RNG.integers(0, 60000, (120, 30, 2)), "uint16"),
        (RNG.integers(-(10**8), 10**8, (120, 30, 2)), "int32"),
        (RNG.integers(0, 2, (120, 9)).astype(bool), "int8"),
    ],
)
def test_small_and_large_whole_numbers_are_values(x: np.ndarray, dtype: str, tmp_path: Path) -> None:
    dataset = data(tmp_path, x=x, y=Y)
    assert dataset.front[0].options["dtype"] == dtype
    assert dataset.train.x.max() > 200  # the whole range of bytes is used
    assert dataset.raw_test is not None
    assert np.array_equal(np.sort(np.unique(dataset.raw_test)), np.unique(dataset.raw_test))


def test_an_image_of_small_numbers_keeps_its_zero(tmp_path: Path) -> None:
    x = RNG.integers(0, 17, (120, 8, 8))
    dataset = data(tmp_path, x=x, y=Y)
    assert dataset.spec.zero_point == 0
    assert np.array_equal(dataset.test.x == 0, dataset.raw_test == 0)


def test_constant_and_saturating_channels_are_notes(tmp_path: Path) -> None:
    x = np.random.default_rng(1).exponential(1, (120, 40, 2))
    x[:, :, 1] = 7
    notes = " ".join(data(tmp_path, x=x, y=Y, who=Y).notes)
    assert "1 of 2 channels never change" in notes
    assert "channel 0" in notes
    assert "not used: who" in notes


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["wet", "dry", "ice"])[Y], ("dry", "ice", "wet")),
        (Y + 1, ("1", "2", "3")),
        (np.array([2, 7, 30])[Y], ("2", "7", "30")),
        (Y - 1, ("-1", "0", "1")),
        (np.eye(3)[Y], ("0", "1", "2")),
        (Y.astype(float)[:, None], ("0", "1", "2")),
    ],
)
def test_labels_as_people_have_them(y: np.ndarray, classes: tuple[str, ...], tmp_path: Path) -> None:
    dataset = data(tmp_path, x=np.arange(120 * 4).reshape(120, 2, 2) % 250, y=y)
    assert dataset.classes == classes
    assert set(dataset.train.y.tolist()) == {0, 1, 2}


def test_texts_take_the_order_of_the_class_names(tmp_path: Path) -> None:
    y = np.array(["wet", "dry", "ice"])[Y]
    dataset = data(tmp_path, x=np.arange(480).reshape(120, 4) % 250, y=y, classes=["wet", "dry", "ice"], split=np.arange(120) % 4 == 3)
    assert dataset.classes == ("wet", "dry", "ice")
    assert dataset.test.y.tolist() == Y[3::4].tolist()


def test_groups_stay_whole(tmp_path: Path) -> None:
    group = np.arange(120) // 10
    x = np.repeat(group[:, None], 4, 1) * 20 + 3
    dataset = data(tmp_path, x=x, y=Y, group=group)
    sides = [set(part.x[:, 0].tolist()) for part in (dataset.train, dataset.validation, dataset.test)]
    assert max(sides[0]) < min(sides[1])
    assert max(sides[1]) < min(sides[2])
    assert len(dataset.test) == 20


def test_a_split_and_its_own_validation_part(tmp_path: Path) -> None:
    words = np.array(["train", "train", "validation", "test"])[np.arange(120) % 4]
    dataset = data(tmp_path, x=np.arange(480).reshape(120, 4) % 250, y=Y, split=words)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (60, 30, 30)


def test_a_network_reads_data_as_it_was_trained_on_them(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    x = RNG.normal(0, 1, (120, 8, 8))
    np.savez(path, x=x, y=Y)
    first = load_dataset(str(path))
    network = replace(box_network(), input=first.spec, front=first.front)
    np.savez(path, x=x * 3, y=Y)
    again = load_dataset(str(path), network)
    assert again.front is network.front
    assert (again.test.x == 255).mean() > (first.test.x == 255).mean() + 0.05  # not measured anew
    plain = replace(network, front=(), input=replace(first.spec, scale=0.05, zero_point=100))
    assert load_dataset(str(path), plain).spec.zero_point == 100
