"""``mnist`` and ``fashion-mnist``: IDX files, plain or .gz, in torchvision's folder layout ``HOME/MNIST/raw/...``.

HOME is the environment variable NEARWIRE_DATA, or ~/.cache/nearwire. What is missing is downloaded with torchvision where that is installed.
The last 5,000 training images are the validation split.
"""

from __future__ import annotations

import gzip
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from devices.common.guard import check_unpacked, open_regular, reading
from devices.common.places import user_path
from devices.errors import InputError, NearwireError
from runtime.data.dataset import Dataset, Split, class_labels
from runtime.network.network import Array, InputSpec

VALIDATION = 5000
SIDE = 28
UNSIGNED_BYTE = 8  # the IDX type code


@dataclass(frozen=True)
class Source:
    """A torchvision data set class, which is also its folder, and the names of its classes."""

    folder: str
    classes: tuple[str, ...]


_CLOTHES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SETS = {"mnist": Source("MNIST", tuple("0123456789")), "fashion-mnist": Source("FashionMNIST", _CLOTHES)}
FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def data_home() -> Path:
    """The folder of downloaded data sets."""
    return user_path(os.environ.get("NEARWIRE_DATA") or "~/.cache/nearwire")


def load(name: str) -> Dataset:
    """Real value of a pixel: byte / 255."""
    source = SETS[name]
    raw = data_home() / source.folder / "raw"
    if any(_find(raw, file) is None for pair in FILES.values() for file in pair):
        _download(name, source, raw)
    train, test = (_read_pair(raw, *FILES[part], classes=len(source.classes)) for part in ("train", "test"))
    if len(train) <= VALIDATION:
        raise InputError(f"data set '{name}' in '{raw}' has {len(train)} training images; more than {VALIDATION} are expected. Delete it.")
    cut = len(train) - VALIDATION
    parts = Split(train.x[:cut], train.y[:cut]), Split(train.x[cut:], train.y[cut:]), test
    return Dataset(name, (SIDE, SIDE), source.classes, InputSpec((SIDE, SIDE)), *parts)


def read_idx(path: Path, dimensions: int) -> Array:
    """The uint8 array of an IDX file of that many dimensions; InputError if it is damaged or something else."""
    again, where = "Delete the file, so that it is downloaded again.", f"data file '{path}'"
    with open_regular(path, where) as packed, reading(where, again, "is truncated or damaged"):
        size = os.fstat(packed.fileno()).st_size
        with gzip.GzipFile(fileobj=packed) if path.suffix == ".gz" else packed as file:
            start = file.read(4 + 4 * dimensions)
            magic = bytes((0, 0, UNSIGNED_BYTE, dimensions))
            if start[:4] != magic:
                raise InputError(f"{where} starts with {start[:4].hex() or 'nothing'}; an IDX file of this kind starts with {magic.hex()}. {again}")
            shape = tuple(int(n) for n in np.frombuffer(start[4:], ">u4"))
            needed = math.prod(shape)
            check_unpacked(needed, size, where, again)
            body = file.read(needed + 1)
    if len(shape) != dimensions or len(body) != needed:
        held = f"{'more than ' if len(body) > needed else ''}{min(len(body), needed)}"
        raise InputError(f"{where} says its shape is {shape} but holds {held} bytes of values. {again}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _find(raw: Path, file: str) -> Path | None:
    return next((path for path in (raw / file, raw / f"{file}.gz") if path.is_file()), None)


def _read_pair(raw: Path, images: str, labels: str, classes: int) -> Split:
    paths = [_find(raw, images), _find(raw, labels)]
    if paths[0] is None or paths[1] is None:
        raise NearwireError(f"the download of '{raw.parent.name}' did not leave '{images}' and '{labels}' in '{raw}'. Try again.")
    x, y = read_idx(paths[0], 3), read_idx(paths[1], 1)
    if x.shape[1:] != (SIDE, SIDE) or len(x) != len(y):
        raise InputError(f"'{paths[0]}' has shape {x.shape} and '{paths[1]}' {y.shape}; (n, {SIDE}, {SIDE}) and (n,) are expected. Delete both.")
    return Split(np.ascontiguousarray(x.reshape(len(x), -1)), class_labels(y, f"'{paths[1]}'", classes))


def _download(name: str, source: Source, raw: Path) -> None:
    """Fetch the files with torchvision; an error that says what to do where that cannot work."""
    try:
        from torchvision import datasets
    except ImportError as error:
        raise NearwireError(
            f"data set '{name}' is not in '{raw}', and torchvision, which would download it, is not installed. "
            "Copy its four IDX files there, set NEARWIRE_DATA to the folder that holds them, or run: pip install 'nearwire[train]'"
        ) from error
    try:
        raw.mkdir(parents=True, exist_ok=True)
        getattr(datasets, source.folder)(str(data_home()), download=True)
    except (OSError, RuntimeError) as error:
        raise NearwireError(
            f"data set '{name}' is not in '{raw}' and could not be downloaded: {error}. Check the network, or copy its four IDX files there."
        ) from error
