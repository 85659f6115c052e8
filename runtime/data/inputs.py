"""Samples of a network: a user's input file (.npy, .npz with x, an image, raw bytes), or the test vectors that a build carries."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from devices.common.guard import read_regular, reading
from devices.errors import InputError
from runtime.data.arrays import read_npy, read_npz
from runtime.data.images import read_image
from runtime.network.network import Array, Network

SUFFIXES = (".npy", ".npz", ".png", ".jpg", ".jpeg", ".bmp", ".bin")


def read_samples(path: Path, network: Network) -> Array:
    """(n, inputs) uint8. Bytes are used as they are, real values go through the network's input scale; InputError for all else."""
    if not path.is_file():
        raise InputError(f"no input file '{path}'. Give one of: {', '.join(SUFFIXES)}.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"input file '{path}' has type '{suffix}'; allowed: {', '.join(SUFFIXES)}.")
    with reading(f"input file '{path}'"):
        values = _read(path, suffix)
    size = network.input.size
    if values.size == 0 or values.size % size:
        raise InputError(
            f"input file '{path}' holds {values.shape} = {values.size} values; the network reads {network.input.shape} = {size} a sample."
        )
    if suffix in (".npy", ".npz") and values.shape[1:] not in (network.input.shape, (size,)) and values.shape not in (network.input.shape, (size,)):
        raise InputError(f"input file '{path}' has shape {values.shape}; the network reads {network.input.shape}, alone or stacked.")
    flat = values.reshape(-1, size)
    if flat.dtype == np.uint8:
        return np.ascontiguousarray(flat)
    if flat.dtype.kind == "f":
        if not np.isfinite(flat).all():
            raise InputError(f"input file '{path}' holds NaN or infinity. Only finite values can be quantised.")
        return network.input.to_bytes(flat)
    if flat.dtype.kind in "iu" and flat.min() >= 0 and flat.max() <= 255:
        return flat.astype(np.uint8)
    raise InputError(f"input file '{path}' holds {flat.dtype} values; allowed: real values, or integers in 0..255.")


def stored_samples(folder: Path, network: Network) -> Array:
    """(n, inputs) uint8: the inputs of the test vectors in the build's C code, so that nothing but the build is needed."""
    path = folder / "c" / "test_vectors.h"
    with reading(f"'{path}'", "Compile the network again, or give --input or --data."):
        text = read_regular(path, f"'{path}'").decode("ascii")
        found = re.search(r"nearwire_test_inputs\[[^{]*\{(.*?)\};", text, re.DOTALL)
        values = [int(word) for word in re.findall(r"\d+", found[1])] if found else []
    size = network.input.size
    if not values or len(values) % size or max(values) > 255:
        raise InputError(f"'{path}' holds {len(values)} input values; the network reads {size} bytes a sample. Compile the network again.")
    return np.array(values, np.uint8).reshape(-1, size)


def _read(path: Path, suffix: str) -> Array:
    where = f"input file '{path}'"
    if suffix == ".bin":
        return np.frombuffer(read_regular(path, where), np.uint8)
    if suffix == ".npy":
        return read_npy(path, where)
    if suffix == ".npz":
        arrays = read_npz(path, where)
        if "x" not in arrays:
            raise InputError(f"{where} has the arrays {sorted(arrays)}; the samples must be called 'x'.")
        return arrays["x"]
    return np.asarray(read_image(path, where).convert("L"))
