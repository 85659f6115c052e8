"""Data sets: what is read is what is in the file, splits never mix, and every unusable input is one clear error."""

from __future__ import annotations

import gzip
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from devices.errors import InputError, NearwireError
from runtime.data.dataset import Dataset, load_dataset
from runtime.data.sources import idx
from tests.support.needs import needs_data


def rows(dataset: Dataset) -> int:
    return len(dataset.train) + len(dataset.validation) + len(dataset.test)


def test_digits_are_exact_bytes_in_three_fixed_splits() -> None:
    from sklearn.datasets import load_digits

    first, second = load_dataset("digits"), load_dataset("digits")
    assert (len(first.train), len(first.validation), len(first.test)) == (1259, 179, 359)
    assert np.array_equal(first.test.x, second.test.x)
    every = np.concatenate([first.train.x, first.validation.x, first.test.x])
    pixels = load_digits().data
    assert np.array_equal(np.sort(every.sum(1)), np.sort(pixels.sum(1) * 15))  # the same samples, none twice
    assert np.array_equal(first.spec.to_real(every).max(), np.float32(1.0))
    assert first.train.x.dtype == np.uint8
    assert first.train.y.dtype == np.int64


def write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes((0, 0, 8, values.ndim)) + b"".join(int(n).to_bytes(4, "big") for n in values.shape)
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def mnist_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small data set in torchvision's layout: training files packed, test files not."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for (images, labels), count, suffix in ((idx.FILES["train"], 5100, ".gz"), (idx.FILES["test"], 30, "")):
        write_idx(raw / f"{images}{suffix}", rng.integers(0, 256, (count, 28, 28)))
        write_idx(raw / f"{labels}{suffix}", np.arange(count) % 10)
    monkeypatch.setenv("NEARWIRE_DATA", str(tmp_path))
    return raw


def test_idx_files_packed_or_not_and_the_last_5000_validate(mnist_home: Path) -> None:
    dataset = load_dataset("mnist")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (100, 5000, 30)
    images = idx.read_idx(mnist_home / "train-images-idx3-ubyte.gz", 3).reshape(5100, -1)
    assert np.array_equal(dataset.train.x, images[:100])
    assert np.array_equal(dataset.validation.x, images[100:])
    assert dataset.spec.scale == 1 / 255


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[: len(content) // 2], "truncated or damaged"),
        (lambda content: gzip.compress(b"PK\x03\x04" + gzip.decompress(content)[4:]), "starts with 504b0304"),
        (lambda content: gzip.compress(gzip.decompress(content)[:-1]), "holds"),
        (lambda content: gzip.compress(b""), "starts with nothing"),
        (lambda content: b"<html>not found</html>", "truncated or damaged"),
    ],
)
def test_damaged_idx_files(mnist_home: Path, damage: object, words: str) -> None:
    path = mnist_home / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(InputError, match=words) as caught:
        load_dataset("mnist")
    assert str(path) in str(caught.value)


def test_labels_beyond_the_classes(mnist_home: Path) -> None:
    write_idx(mnist_home / "t10k-labels-idx1-ubyte", np.full(30, 10) - np.arange(30) % 2)
    with pytest.raises(InputError, match="labels go from 9 to 10"):
        load_dataset("mnist")


def test_missing_data_without_torchvision_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARWIRE_DATA", str(tmp_path))
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(NearwireError, match=r"torchvision.*not installed.*NEARWIRE_DATA"):
        load_dataset("fashion-mnist")


def npz(tmp_path: Path, **arrays: object) -> str:
    path = tmp_path / "own.npz"
    np.savez(path, **{name: np.asarray(value) for name, value in arrays.items()})
    return str(path)


X, Y = np.arange(200).reshape(50, 4), np.arange(50) % 3


def test_npz_bytes_stay_as_they_are(tmp_path: Path) -> None:
    dataset = load_dataset(npz(tmp_path, x=X, y=Y, shape=[2, 2], classes=["a", "b", "c"]))
    assert dataset.shape == (2, 2)
    assert dataset.classes == ("a", "b", "c")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (35, 5, 10)
    every = np.concatenate([dataset.train.x, dataset.validation.x, dataset.test.x])
    assert np.array_equal(every[np.argsort(every[:, 0])], X)


def test_npz_real_values_become_bytes_by_the_training_range(tmp_path: Path) -> None:
    x = np.linspace(-3, 5, 200).reshape(50, 4)
    test = np.array([[-100.0, 100, 0, 1]])
    dataset = load_dataset(npz(tmp_path, x=x, y=Y, x_test=test, y_test=[2]))
    assert (dataset.spec.zero_point, len(dataset.front)) == (128, 1)
    assert dataset.test.x[0, :2].tolist() == [0, 255]  # outside saturates
    assert rows(dataset) == 51
    every = np.concatenate([dataset.train.x, dataset.validation.x]).astype(float)
    every = every[np.argsort(every[:, 0])]
    line = np.polyfit(x[5:45].ravel(), every[5:45].ravel(), 1)
    assert np.abs(np.polyval(line, x[5:45]) - every[5:45]).max() <= 1


def with_value(value: float) -> np.ndarray:
    x = X.astype(float)
    x[7, 1] = value
    return x


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": with_value(np.nan), "y": Y}, "NaN or infinity in 1 of 50 samples, first in sample 7"),
        ({"x": with_value(np.inf), "y": Y}, "NaN or infinity"),
        ({"x": X, "y": Y + 0.5}, "not all whole numbers"),
        ({"x": X, "y": np.stack([Y, Y], 1)}, "one-hot"),
        ({"x": X, "y": Y.astype(str), "classes": ["0", "1"]}, "label '2' is not among the class names"),
        ({"x": X, "y": Y - 1, "classes": ["a", "b", "c"]}, "labels go from -1"),
        ({"x": X, "y": Y, "classes": ["a", "b"]}, "labels go from 0 to 2.*2 class names"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y + 5}, "label '5' occurs in x_val or x_test"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y.astype(str)}, "labels are of"),
        ({"x": X, "y": Y * 0}, "every label is '0'"),
        ({"x": X, "y": Y, "split": ["train"] * 50}, "names no test sample"),
        ({"x": X, "y": Y, "split": Y + 1}, "split of sample 2 is '3'"),
        ({"x": X, "y": Y, "split": Y[:9]}, "one entry a sample"),
        ({"x": X, "y": Y, "group": Y * 0}, "one group only"),
        ({"x": X, "y": Y, "split": Y, "x_test": X, "y_test": Y}, "Give one of them"),
        ({"x": X, "y": Y[:-1]}, "50 samples but 49 labels"),
        ({"x": X[:, 0], "y": Y}, "has shape"),
        ({"x": X[:0], "y": Y[:0]}, "no samples"),
        ({"x": X[:4], "y": Y[:4]}, "empty validation split"),
        ({"x": X, "y": Y, "shape": [3, 2]}, "products must be equal"),
        ({"x": X, "y": Y, "x_test": X[:, :2], "y_test": Y}, "Make them equal"),
        ({"x": X, "y": Y, "x_test": X}, "only one of x_test and y_test"),
        ({"x": X * 0.0, "y": Y}, None),
        ({"x": X}, "needs x and y"),
        ({"x": X.astype(complex), "y": Y}, "it holds '<c16'"),
    ],
)
def test_unusable_npz(tmp_path: Path, arrays: dict[str, object], words: str | None) -> None:
    with pytest.raises(InputError, match=words or "every x of the training split is 0"):
        load_dataset(npz(tmp_path, **arrays))


def test_npz_with_pickled_objects_or_truncated_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, x=np.array([{}, {}], object), y=Y[:2])
    with pytest.raises(InputError, match="cannot be read"):
        load_dataset(str(path))
    content = Path(npz(tmp_path, x=X, y=Y)).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        load_dataset(str(path))


def images(root: Path, size: tuple[int, int] = (6, 5), colour: bool = False) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (root / label).mkdir(parents=True)
        for k in range(10):
            pixels = rng.integers(0, 256, (*size, 3) if colour else size).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{k}.png")


@pytest.mark.parametrize(("colour", "shape"), [(False, (6, 5)), (True, (6, 5, 3))])
def test_a_folder_of_images(tmp_path: Path, colour: bool, shape: tuple[int, ...]) -> None:
    images(tmp_path / "pets", colour=colour)
    dataset = load_dataset(str(tmp_path / "pets"))
    assert dataset.shape == shape
    assert dataset.classes == ("cat", "dog")
    assert rows(dataset) == 20
    assert dataset.train.x.shape == (14, int(np.prod(shape)))


def test_images_of_two_sizes_or_unreadable_name_the_file(tmp_path: Path) -> None:
    from PIL import Image

    images(tmp_path / "pets")
    Image.new("L", (9, 9)).save(tmp_path / "pets" / "dog" / "odd.png")
    with pytest.raises(InputError, match=r"odd\.png' is 9 x 9"):
        load_dataset(str(tmp_path / "pets"))
    (tmp_path / "pets" / "dog" / "odd.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(InputError, match=r"odd\.png' is none of PNG"):
        load_dataset(str(tmp_path / "pets"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 subfolders and 0 images"):
        load_dataset(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mnits", "Did you mean 'mnist'"),
        ("no/such.npz", "there is no data file or folder 'no/such.npz'"),
        ("absent.npz", "there is no data file or folder"),
        (__file__, r"has type '\.py'"),
    ],
)
def test_unknown_names_and_paths(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_dataset(name)


def test_reading_data_needs_no_torch() -> None:
    import subprocess

    code = "import sys; from runtime.data.dataset import load_dataset; load_dataset('digits'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mnist1d_is_made_offline_the_same_every_time_and_leaves_the_generators_alone() -> None:
    needs_data("mnist1d")
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    first, second = load_dataset("mnist1d"), load_dataset("mnist1d")
    assert np.array_equal(np.random.get_state()[1], before)
    assert (len(first.train), len(first.validation), len(first.test)) == (3600, 400, 1000)
    assert first.shape == (40,)
    assert (int(first.train.x.min()), int(first.train.x.max())) == (0, 255)
    assert np.array_equal(first.test.x, second.test.x)


def test_cylinder_bell_funnel_is_the_same_every_time_and_has_the_shapes_it_says() -> None:
    data = load_dataset("cylinder-bell-funnel")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [6000, 2000, 4000]
    assert hashlib.sha256(data.test.x.tobytes() + data.test.y.tobytes()).hexdigest().startswith("a9f0275e8351edf5")
    real = data.spec.to_real(data.train.x) - 4.0
    early, late = real[:, 33:39].mean(axis=1), real[:, 44:48].mean(axis=1)  # samples that lie on every signal's shape
    means = [(early[data.train.y == label].mean(), late[data.train.y == label].mean()) for label in range(3)]
    np.testing.assert_allclose(means, [(6.0, 6.0), (1.3, 2.3), (4.7, 3.7)], atol=0.1)
    assert abs(real[:, :15].mean()) < 0.02  # noise alone
