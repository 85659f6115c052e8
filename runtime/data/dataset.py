"""Data sets: a name or a path in, bytes and labels in three splits out. No torch is needed to read them.

Names: those of ``SOURCES``. Paths: a ``.npz`` file (runtime/data/sources/npz.py says what it holds) or a folder of images with one subfolder
a class. To add a source: a module in runtime/data/sources/ with ``load(name) -> Dataset`` and a line in ``SOURCES``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np

from devices.common.places import user_path
from devices.errors import InputError, unknown_name
from runtime.data.labels import CLASSES_MAX
from runtime.network.front.stage import Stage
from runtime.network.network import Array, InputSpec, Network

SOURCES = {
    "digits": "runtime.data.sources.digits",
    "mnist": "runtime.data.sources.idx",
    "fashion-mnist": "runtime.data.sources.idx",
    "mnist1d": "runtime.data.sources.mnist1d",
    "cylinder-bell-funnel": "runtime.data.sources.cylinder_bell_funnel",
}
VALUES = "runtime.data.sources.npz"  # the source whose values are not bytes
SPLIT_SEED = 2506  # of every shuffle that splits a data set: the same samples are held out whatever the training seed is
SHARES = (0.7, 0.1, 0.2)  # train, validation, test where the data set itself has no test part


@dataclass(frozen=True)
class Split:
    """Samples and their labels."""

    x: Array  # (n, size) uint8
    y: Array  # (n,) int64, 0 .. number of classes - 1

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: Array) -> Split:
        return Split(np.ascontiguousarray(self.x[index]), self.y[index])


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits: ``train`` is fitted, ``validation`` chooses, ``test`` is measured once at the end."""

    name: str
    shape: tuple[int, ...]  # of one sample; a row of x is it flattened in C order
    classes: tuple[str, ...]
    spec: InputSpec  # what the bytes mean
    train: Split
    validation: Split
    test: Split
    front: tuple[Stage, ...] = ()  # what made the bytes of raw values; empty: the data are bytes
    raw_test: Array | None = None  # (n, size) raw values of the test samples, where there is a front end
    notes: tuple[str, ...] = ()  # what a person should know about the data: constant channels, saturation, arrays that are not used


def load_dataset(name_or_path: str, like: Network | None = None) -> Dataset:
    """The data set of that name or at that path; InputError for one that is unknown, missing, damaged or unusable.

    ``like``: a network whose front end, scale and zero point make the bytes, so that data are read as it was trained on them.

    >>> data = load_dataset("digits")
    >>> len(data.train), data.test.x.shape, data.test.x.dtype.name, data.classes[:3]
    (1259, (359, 64), 'uint8', ('0', '1', '2'))
    """
    if name_or_path in SOURCES:
        module = SOURCES[name_or_path]
    else:
        path = user_path(name_or_path)
        if path.is_dir():
            module = "runtime.data.sources.images"
        elif path.is_file():
            if path.suffix.lower() != ".npz":
                raise InputError(f"data file '{name_or_path}' has type '{path.suffix}'. Allowed: a .npz file with x and y, or a folder of images.")
            module = VALUES
        elif "/" in name_or_path or "\\" in name_or_path or path.suffix.lower() == ".npz" or name_or_path.startswith((".", "~")):
            raise InputError(f"there is no data file or folder '{name_or_path}'. Give an existing path or one of: {', '.join(sorted(SOURCES))}.")
        else:
            raise unknown_name("data set", name_or_path, SOURCES)
    source = importlib.import_module(module)
    dataset: Dataset = source.load(name_or_path, like) if module == VALUES else source.load(name_or_path)
    return _checked(dataset)


def join(first: Split, second: Split) -> Split:
    """The samples of both, in that order."""
    return Split(np.concatenate((first.x, second.x)), np.concatenate((first.y, second.y)))


def split(x: Array, y: Array, shares: tuple[float, ...] = SHARES) -> tuple[Split, ...]:
    """Shuffle with the fixed seed and cut: every part but the first is rounded down, the first takes the rest."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(y))
    sizes = [int(len(y) * share) for share in shares[1:]]
    ends = np.cumsum([len(y) - sum(sizes), *sizes])
    whole = Split(x, y)
    return tuple(whole.take(order[end - size : end]) for end, size in zip(ends, [len(y) - sum(sizes), *sizes], strict=True))


def class_labels(y: Array, where: str, classes: int | None = None, several: bool = True) -> Array:
    """``y`` as (n,) int64 labels; InputError if not integers, out of 0..classes-1 or, with ``several``, all the same."""
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim != 1 or flat.dtype.kind not in "iuf" or (flat.dtype.kind == "f" and not (np.isfinite(flat).all() and (flat == np.rint(flat)).all())):
        raise InputError(f"{where}: the labels y are {y.dtype} of shape {y.shape} and not all integers. Allowed: (n,) integers 0, 1, 2, ...")
    labels = flat.astype(np.int64)
    if len(labels) == 0:
        raise InputError(f"{where} holds no samples.")
    low, high = int(labels.min()), int(labels.max())
    limit = CLASSES_MAX if classes is None else classes
    if low < 0 or high >= limit:
        named = f"a network of at most {CLASSES_MAX} outputs" if classes is None else f"{classes} classes"
        raise InputError(f"{where}: labels go from {low} to {high}, which is out of range. Allowed for {named}: 0..{limit - 1}.")
    if several and low == high:
        raise InputError(f"{where}: every label is {low}. At least two classes are needed.")
    return labels


def _checked(dataset: Dataset) -> Dataset:
    """The data set itself if its parts fit together and none is empty."""
    for part in ("train", "validation", "test"):
        split: Split = getattr(dataset, part)
        if len(split) == 0:
            raise InputError(f"data set '{dataset.name}' has an empty {part} split. It needs more samples: at least 10 to be split by itself.")
        if split.x.shape != (len(split.y), dataset.spec.size):
            raise InputError(
                f"data set '{dataset.name}': {part} has x of shape {split.x.shape} for {len(split.y)} labels and {dataset.spec.size} inputs."
            )
    return dataset
