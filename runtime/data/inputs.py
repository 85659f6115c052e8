"""Samples of a network: a user's input file (.npy, .npz with x, an image, raw bytes), or the test vectors that a build carries."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from devices.common.guard import read_regular, reading
from devices.errors import InputError
from runtime.data.arrays import read_npy, read_npz
from runtime.data.images import read_image
from runtime.network.front.stages import quantised
from runtime.network.network import Array, Network

SUFFIXES = (".npy", ".npz", ".png", ".jpg", ".jpeg", ".bmp", ".bin")


def read_samples(path: Path, network: Network) -> Array:
    """(n, inputs) uint8. Raw values go through the network's front end, or where it has none its input scale, bytes as they are; ``.bin`` holds bytes."""
    if not path.exists():
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
    if suffix == ".bin":
        return np.ascontiguousarray(values.reshape(-1, size))
    return quantised(network.front, network.input, values.reshape(-1, size), f"input file '{path}'")


def stored_samples(folder: Path, network: Network) -> Array:
    """(n, inputs) uint8: the inputs of the test vectors in the build's C code, so that nothing but the build is needed."""
    path = folder / "c" / "test_vectors.h"
    with reading(f"'{path}'", "Compile the network again, or give --input or --data."):
        text = read_regular(path, f"'{path}'").decode("ascii")
        match = re.search(r"nearwire_test_inputs\[[^{]*\{(.*?)\};", text, re.DOTALL)
        values = [int(word) for word in re.findall(r"\d+", match[1])] if match else []
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
