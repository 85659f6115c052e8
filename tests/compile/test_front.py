"""The front end: raw values to bytes by one law, in numpy and in C, whatever compiles it; in the network's file, the build and its packages."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.networks import box_network
from compile.emit.c import front as c_front
from compile.emit.c import steady as c
from compile.passes.store import store
from compile.proof.front import prove_front
from devices.boards.board import load_board
from devices.errors import CheckError, InputError
from runtime.network.check import validate
from runtime.network.file import from_bytes, save, to_bytes
from runtime.network.front import scale
from runtime.network.front.stage import Stage
from runtime.network.front.stages import check_front, quantised
from runtime.network.network import Array, InputSpec, Network
from tests.support.needs import needs, needs_program

GRID = (6, 4)
SIZE = 24
CONTRACTING = ("-O3", "-march=native", "-ffp-contract=fast")


def with_front(low: Array, high: Array, dtype: str) -> Network:
    network = box_network(GRID, neurons=5)
    spec = replace(network.input, scale=2 / 255, zero_point=128)
    return validate(replace(network, input=spec, front=(scale.make(low, high, dtype),)))


def ends(dtype: str, maps: int, seed: int = 0) -> tuple[Array, Array]:
    """Ranges of raw values, one a map."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        low = rng.normal(0, 10.0 ** rng.integers(-3, 4, maps))
        return low, low + np.abs(rng.normal(0, 10.0 ** rng.integers(-3, 4, maps))) + 1e-4
    info = np.iinfo(dtype)
    low = rng.integers(info.min, info.max // 2, maps).astype(float)
    return low, low + rng.integers(1, info.max // 2, maps)


def raw_values(dtype: str, low: Array, high: Array, count: int, seed: int = 1) -> Array:
    """Values within and beyond the ranges, and the extremes of the type."""
    rng = np.random.default_rng(seed)
    index = np.arange(SIZE) % len(low)
    values = rng.uniform(low[index] - 0.3 * (high - low)[index], high[index] + 0.3 * (high - low)[index], (count, SIZE))
    if dtype == "float32":
        values[0], values[1], values[2] = 0, -1e30, 1e30
        return values.astype(np.float32)
    info = np.iinfo(dtype)
    values[0], values[1] = info.min, info.max
    return np.clip(np.rint(values), info.min, info.max).astype(dtype)


@pytest.mark.parametrize("maps", [1, 4, 24])
@pytest.mark.parametrize("dtype", scale.DTYPES)
def test_the_law_is_the_nearest_byte(dtype: str, maps: int) -> None:
    low, high = ends(dtype, maps)
    raw = raw_values(dtype, low, high, 200)
    u = quantised((scale.make(low, high, dtype),), InputSpec((SIZE,)), raw, "x")
    index = np.arange(SIZE) % maps
    exact = np.clip((raw.astype(np.float64) - low[index]) / (high - low)[index] * 255, 0, 255)
    assert np.abs(u - exact).max() <= 0.5 + (0.1 if dtype == "float32" else 0.3)  # the map's own rounding


@pytest.mark.parametrize(("dtype", "flags"), [(dtype, ("-O2",)) for dtype in scale.DTYPES] + [("float32", CONTRACTING), ("float32", ("-O0",))])
def test_c_equals_the_law(dtype: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    gcc = needs_program("gcc", "gcc")
    low, high = ends(dtype, 4, seed=3)
    network = with_front(low, high, dtype)
    stored, _ = store(network, load_board("emulated-cortex-m4"))
    c.emit(stored, tmp_path)
    folder = tmp_path / "c"
    library = tmp_path / "front.so"
    strict = ("-Wall", "-Wextra", "-Wconversion", "-Werror") if flags == ("-O2",) else ()
    subprocess.run([gcc, "-std=gnu11", *flags, *strict, "-shared", "-fPIC", "-o", library, folder / "front.c"], check=True, cwd=folder)
    run = ctypes.CDLL(str(library)).nearwire_quantise
    raw = raw_values(dtype, low, high, 3000)
    made = np.empty(raw.shape, np.uint8)
    for sample, out in zip(raw, made, strict=True):
        run(sample.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
    assert np.array_equal(made, quantised(network.front, network.input, raw, "x"))
    subprocess.run(["make", "-s", "test"], check=True, cwd=folder, capture_output=True)


def test_the_proof_compares_every_byte_and_names_the_first_that_differs(tmp_path: Path) -> None:
    network = with_front(*ends("float32", 4), "float32")
    stored, _ = store(network, load_board("emulated-cortex-m4"))
    save(stored, tmp_path / "network.safetensors")
    c.emit(stored, tmp_path)
    raw = raw_values("float32", *ends("float32", 4), 500)
    proof = prove_front(tmp_path, stored, raw)
    needs(proof.missing)
    assert proof.samples == 500
    code = (tmp_path / "c" / "front.c").read_text()
    (tmp_path / "c" / "front.c").write_text(code.replace("value < 255.0f ? value", "value < 255.0f ? value + 1.0f"))
    with pytest.raises(CheckError, match=r"front\.c .*the law says"):
        prove_front(tmp_path, stored, raw)


def test_the_file_keeps_the_front_end() -> None:
    network = with_front(*ends("int16", 4), "int16")
    again = from_bytes(to_bytes(network))
    assert again.front[0].options == {"dtype": "int16"}
    assert all(np.array_equal(again.front[0].arrays[name], value) for name, value in network.front[0].arrays.items())
    assert to_bytes(again) == to_bytes(network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "spectrum"}, "spectrum"),
        ({"options": {}}, "options"),
        ({"options": {"dtype": "int64"}}, "int64"),
        ({"arrays": {"multiplier": np.ones(4, np.int32)}}, "needs the arrays"),
        ({"arrays": {"multiplier": np.ones(5, np.int32), "offset": np.ones(5, np.int64), "shift": np.ones(5, np.uint8)}}, "no maps of 24 values"),
        ({"arrays": {"multiplier": np.full(4, 2**20, np.int32), "offset": np.ones(4, np.int64), "shift": np.ones(4, np.uint8)}}, "out of range"),
        ({"arrays": {"multiplier": np.ones(4, np.int32), "offset": np.full(4, 2**40), "shift": np.ones(4, np.uint8)}}, "can leave"),
    ],
)
def test_a_front_end_that_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    stage = replace(scale.make(*ends("int16", 4), "int16"), **change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        check_front((stage,), InputSpec(GRID, 2 / 255, 128), "network")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.full((1, SIZE), 40000), "takes int16"),
        (np.full((1, SIZE), 0.5), "takes whole numbers"),
        (np.full((1, SIZE), np.nan), "NaN"),
        (np.full((1, SIZE), "a"), "allowed: whole or real"),
    ],
)
def test_raw_values_that_cannot_be_are_refused(raw: Array, message: str) -> None:
    network = with_front(*ends("int16", 4), "int16")
    with pytest.raises(InputError, match=message):
        quantised(network.front, network.input, raw, "x")


@settings(deadline=None)
@given(st.sampled_from(scale.DTYPES), st.integers(0, 2**16), st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]))
def test_every_map_that_is_made_passes_the_check(dtype: str, seed: int, maps: int) -> None:
    stage = scale.make(*ends(dtype, maps, seed), dtype)
    check_front((stage,), InputSpec((SIZE,), 2 / 255, 128), "network")
    u = scale.law(stage, raw_values(dtype, *ends(dtype, maps, seed), 20, seed))
    assert u.dtype == np.uint8


def test_constants_are_counted() -> None:
    network = with_front(*ends("float32", 24), "float32")
    assert c_front.constants_bytes(network) == 24 * 8
    assert c_front.constants_bytes(with_front(*ends("int16", 4), "int16")) == 4 * (2 + 4 + 1)
    assert c_front.constants_bytes(box_network()) == 0
    assert isinstance(network.front[0], Stage)
