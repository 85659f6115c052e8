"""Surfaces ``npz``, ``npy`` and ``idx``: data sets and samples of users, their headers, archives and packing."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.hostile.mutate import bytes_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from bench.support.networks import integer_network
from runtime.data.dataset import load_dataset
from runtime.data.inputs import read_samples
from runtime.data.sources.idx import read_idx

SHAPES = (
    "()",
    "(0,)",
    "(-8, -8)",
    "(1000000000000,)",
    "(8, 1000000000000)",
    "(2,)",
    "(True,)",
    "(1.5,)",
    "(" * 300,
    "(40, 4)",
    "(4, 40)",
    "(1,) * 9",
    "None",
)
DTYPES = ("'|O'", "'<f8'", "'<f4'", "'>i2'", "'<U3'", "'<U0'", "'S0'", "'V4'", "'<c16'", "'<M8[s]'", "[('a', '<f4')]", "'f16'", "'?'", "'<u8'", "7")
X, Y = np.arange(160).reshape(40, 4), np.arange(40) % 3


def _arrays() -> list[dict[str, Any]]:
    real = np.random.default_rng(0).normal(0, 1, (40, 2, 2))
    return [
        {"x": X.astype(np.uint8), "y": Y},
        {"x": real, "y": Y.astype(np.float32), "classes": np.array(["a", "b", "c"])},
        {"x": real.astype(np.float32), "y": Y, "x_test": real[:9].astype(np.float32), "y_test": Y[:9], "shape": np.array([4])},
    ]


def npz_seeds() -> Sequence[Any]:
    """Arrays by name, and whether they are packed."""
    return [(arrays, packed) for arrays in _arrays() for packed in (False, True)]


def npy_of(values: Any, rng: random.Random) -> bytes:
    """An array as .npy with odd numbers, a changed header, or changed bytes."""
    values = np.array(values)
    if rng.randrange(3) == 0 and values.size and values.dtype.kind in "iuf":
        with np.errstate(all="ignore"):
            values.flat[rng.randrange(values.size)] = np.array(rng.choice((0, -1, 300, 1e30, 1e300, np.nan, np.inf, 2**40, 1e-300))).astype(
                values.dtype
            )
    memory = io.BytesIO()
    np.lib.format.write_array(memory, values, allow_pickle=False)
    content = memory.getvalue()
    match rng.randrange(5):
        case 0:
            header = (
                f"{{'descr': {rng.choice(DTYPES)}, 'fortran_order': {rng.choice(('True', 'False', '1'))}, 'shape': {rng.choice(SHAPES)}, }}".encode()
            )
            return content[:8] + len(header).to_bytes(2, "little") + header + content[128:]
        case 1:
            header = content[10:128].replace(str(values.shape).encode(), rng.choice(SHAPES).encode())
            return content[:8] + len(header).to_bytes(2, "little") + header + content[128:]
        case 2:
            return bytes_of(content, rng)
        case _:
            return content


def npz_of(seed: Any, rng: random.Random) -> bytes:
    """An archive of changed arrays, with names that are missing or foreign, or with changed bytes."""
    arrays, packed = seed
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, values in arrays.items():
            if rng.randrange(40):
                file.writestr(
                    f"{name}.npy"
                    if rng.randrange(40)
                    else rng.choice(("z.npy", "x", "../x.npy", "shape.npy", "\udc80.npy".encode("utf-8", "replace").decode())),
                    npy_of(values, rng),
                )
        if rng.randrange(50) == 0:
            file.writestr("x_test.npy", bytes(rng.choice((10, 50 * 10**6))))
    content = memory.getvalue()
    return bytes_of(content, rng) if rng.randrange(3) == 0 else content


def idx_seeds() -> Sequence[bytes]:
    """An IDX file of three dimensions."""
    return [bytes((0, 0, 8, 3)) + b"".join(n.to_bytes(4, "big") for n in (5, 4, 3)) + bytes(range(60))]


def idx_of(content: bytes, rng: random.Random) -> bytes:
    """Changed before or after it is packed."""
    changed = bytes_of(content, rng) if rng.randrange(2) else content
    if rng.randrange(4) == 0:
        changed = changed[:4] + rng.randbytes(12) + bytes(rng.choice((0, 60, 10**6)))
    packed = gzip.compress(changed, 1, mtime=0)
    return packed + gzip.compress(changed, 1, mtime=0) if rng.randrange(20) == 0 else bytes_of(packed, rng) if rng.randrange(2) else packed


def run_npz(count: int, seed: int) -> Report:
    """Data sets in .npz files."""
    return run_surface(Surface("npz", "data.npz", npz_seeds, npz_of, lambda path: load_dataset(str(path))), count, seed)


def run_npy(count: int, seed: int) -> Report:
    """Samples in .npy files."""
    network = integer_network((4, 3, 2))
    arrays = [X.astype(np.uint8), X, X.astype(np.float32), X[0]]
    return run_surface(Surface("npy", "samples.npy", lambda: arrays, npy_of, lambda path: read_samples(path, network)), count, seed)


def run_idx(count: int, seed: int) -> Report:
    """Packed IDX files."""
    return run_surface(Surface("idx", "images.gz", idx_seeds, idx_of, lambda path: read_idx(Path(path), 3)), count, seed)
