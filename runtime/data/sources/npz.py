"""A user's ``.npz``: ``x`` (n, ...) samples and ``y`` (n,) labels; channels last, as (time, channels) or (height, width, channels). No pickle.

    classes or names      names of the classes, by label
    split                 a part a sample: train, validation, test, or 0 train, 1 test, 2 validation
    group                 whose or when a sample is (person, recording, batch): no group is on both sides of a split
    x_val, y_val, x_test, y_test     validation and test parts of their own
    shape                 of one sample, where x is flat

Labels: runtime/data/labels.py; values to bytes: runtime/data/mapping.py. Without a test part 70/10/20 are drawn; with one 87.5/12.5 into train and
validation; with ``group`` the last groups are the test part. Other arrays are left alone, and named in a note.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from devices.common.places import user_path
from devices.errors import InputError
from runtime.data.arrays import read_npz
from runtime.data.dataset import SHARES, Dataset, Split, split
from runtime.data.labels import labels_of
from runtime.data.mapping import Mapping, choose
from runtime.data.splitting import by_group, by_names
from runtime.network.network import Array, Network
from runtime.network.schema import check_classes, check_width

KNOWN = ("x", "y", "shape", "classes", "names", "split", "group", "x_val", "y_val", "x_test", "y_test")


def load(name: str, like: Network | None = None) -> Dataset:
    """The data set in the file ``name``; its values become bytes as ``like`` was trained on, where a network is given."""
    where = f"data file '{name}'"
    arrays = _read(user_path(name), where)
    names = arrays.get("classes", arrays.get("names"))
    classes = None if names is None else tuple(str(c) for c in names.reshape(-1))
    if classes is not None:
        check_classes(classes, where)
    kinds = [kind for kind in ("", "_val", "_test") if f"x{kind}" in arrays]
    labels, classes = labels_of([_labelled(arrays, kind, where) for kind in kinds], classes, where)
    if all(len(np.unique(part)) < 2 for part in labels[:1]):
        raise InputError(f"{where}: every label is '{classes[int(labels[0][0])]}'. At least two classes are needed.")
    check_classes(classes, where)
    if alone := sorted(set(np.concatenate(labels).tolist()) - set(labels[0].tolist())):
        raise InputError(
            f"{where}: the label '{classes[alone[0]]}' occurs in x_val or x_test, but in no sample of x. Nothing can be learned about it."
        )
    given = {kind: Split(_samples(arrays[f"x{kind}"], f"{where}, x{kind}"), y) for kind, y in zip(kinds, labels, strict=True)}
    for kind in kinds[1:]:
        if arrays[f"x{kind}"].shape[1:] != arrays["x"].shape[1:]:
            raise InputError(
                f"{where}: a sample of x has shape {arrays['x'].shape[1:]}, one of x{kind} {arrays[f'x{kind}'].shape[1:]}. Make them equal."
            )
    shape = _shape(arrays, where)
    check_width(shape, where)
    train, validation, test = _parts(given, arrays, where)
    if len(train) == 0:
        raise InputError(f"{where} has {len(given[''])} samples, which leaves none to train on.")
    if like is None:
        mapping = choose(shape, train.x, validation.x, (train.y, validation.y), (test.x,), where)
    else:
        if like.input.size != math.prod(shape):
            raise InputError(f"{where} has samples of {shape}; the network reads {like.input.shape}. Give the data it was trained on.")
        mapping = Mapping(replace(like.input, shape=shape, cut=0), like.front)
    first, second, third = (Split(mapping.bytes_of(part.x, where), part.y) for part in (train, validation, test))
    ignored = sorted(set(arrays) - set(KNOWN))
    notes = (*mapping.notes, *([f"arrays that are not used: {', '.join(ignored)}"] if ignored else []))
    return Dataset(name, shape, classes, mapping.spec, first, second, third, front=mapping.front, raw_test=test.x, notes=notes)


def _read(path: Path, where: str) -> dict[str, Array]:
    arrays = read_npz(path, where, "Write it with numpy.savez(path, x=..., y=...), without object arrays.")
    missing = [key for key in ("x", "y") if key not in arrays]
    if missing:
        raise InputError(f"{where} has the arrays {sorted(arrays)}. It needs x and y; known besides: {', '.join(KNOWN[2:])}.")
    for kind in ("val", "test"):
        if (f"x_{kind}" in arrays) != (f"y_{kind}" in arrays):
            raise InputError(f"{where} has only one of x_{kind} and y_{kind}. Give both or none.")
    if "split" in arrays and ("x_test" in arrays or "x_val" in arrays):
        raise InputError(f"{where} has a split and parts of its own (x_val, x_test). Give one of them.")
    if "classes" in arrays and "names" in arrays:
        raise InputError(f"{where} has class names twice, as classes and as names. Give one of them.")
    for key in ("split", "group"):
        if key in arrays and arrays[key].shape != (len(np.atleast_1d(arrays["y"])),):
            raise InputError(f"{where}: {key} has shape {arrays[key].shape}; it needs one entry a sample, ({len(np.atleast_1d(arrays['y']))},).")
    return arrays


def _labelled(arrays: dict[str, Array], kind: str, where: str) -> Array:
    """The labels of a part; InputError unless there is one a sample."""
    x, y = arrays[f"x{kind}"], np.atleast_1d(arrays[f"y{kind}"])
    if x.ndim and len(x) != len(y):
        raise InputError(f"{where}, x{kind} has {len(x)} samples but {len(y)} labels. Give one label a sample.")
    return y


def _samples(x: Array, where: str) -> Array:
    """(n, size) finite numbers."""
    if x.dtype.kind not in "biuf":
        raise InputError(f"{where} is {x.dtype}; allowed: integers, real numbers or booleans.")
    if x.ndim < 2 or math.prod(x.shape[1:]) == 0:
        raise InputError(f"{where} has shape {x.shape}; allowed: (n, values), (n, time, channels) or (n, height, width, channels), not empty.")
    if len(x) == 0:
        raise InputError(f"{where} holds no samples.")
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1) if x.dtype.kind == "f" else np.zeros(len(x), bool)
    if bad.any():
        raise InputError(f"{where} has NaN or infinity in {int(bad.sum())} of {len(x)} samples, first in sample {int(bad.argmax())}. Remove them.")
    return x.reshape(len(x), -1)


def _shape(arrays: dict[str, Array], where: str) -> tuple[int, ...]:
    own = tuple(arrays["x"].shape[1:])
    if "shape" not in arrays:
        return own
    given = arrays["shape"].reshape(-1)
    if given.dtype.kind not in "iu" or not given.size or given.min() < 1 or math.prod(given.tolist()) != math.prod(own):
        raise InputError(f"{where}: shape is {given.tolist()}, but a sample of x has {math.prod(own)} values {own}. Their products must be equal.")
    return tuple(given.tolist())


def _parts(given: dict[str, Split], arrays: dict[str, Array], where: str) -> tuple[Split, Split, Split]:
    """Train, validation and test."""
    whole, group = given[""], arrays.get("group")
    validation, test = given.get("_val"), given.get("_test")
    if "split" in arrays:
        train_at, validation_at, test_at = by_names(arrays["split"], where)
        if not len(test_at):
            raise InputError(f"{where}: its split names no test sample. Allowed: train, validation, test, or 0, 2, 1.")
        test = whole.take(test_at)
        validation = whole.take(validation_at) if len(validation_at) else None
        whole, group = whole.take(train_at), None if group is None else group[train_at]
    if group is not None:
        if test is None:
            kept, held = by_group(group, SHARES[2], where)
            test, whole, group = whole.take(held), whole.take(kept), group[kept]
        if validation is None:
            kept, held = by_group(group, SHARES[1] / (SHARES[0] + SHARES[1]), where)
            validation, whole = whole.take(held), whole.take(kept)
        return whole, validation, test
    if test is None and validation is None:
        train, validation, test = split(whole.x, whole.y)
        return train, validation, test
    if test is None:
        train, test = split(whole.x, whole.y, (1 - SHARES[2], SHARES[2]))
        return train, validation or test, test
    if validation is None:
        whole, validation = split(whole.x, whole.y, (SHARES[0], SHARES[1] / (SHARES[0] + SHARES[1])))
    return whole, validation, test
