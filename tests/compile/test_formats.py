"""Formats of any weight matrix: they give back exactly the weights they were given, and their kernels compute the law on the host, at all edges.

All formats, on layers that each can hold: test_every_format.py.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compile.formats import MATRIX_FORMATS as FORMATS
from compile.formats import Format, format_named
from compile.formats.base import KERNELS
from devices.boards.board import load_board
from devices.errors import InputError
from devices.tools import toolchain
from runtime.network.law import accumulate, requantise
from runtime.network.network import Array
from tests.support.needs import needs

Call = Callable[..., None]


@st.composite
def matrices(draw: st.DrawFn) -> Array:
    """(outputs, inputs) int8: small and odd shapes, and ones past windows and chunks; empty, full and lopsided rows, and blocks of rows."""
    outputs = draw(st.integers(1, 11))
    inputs = draw(st.one_of(st.integers(1, 40), st.sampled_from([255, 256, 257, 511, 512, 513, 784, 1025])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limit = draw(st.sampled_from([1, 63]))
    weights = rng.integers(-limit, limit + 1, (outputs, inputs))
    if draw(st.booleans()):
        weights = np.where(weights >= 0, limit, -limit)  # the extremes
    density = draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    whole = draw(st.booleans())
    cut = rng.random((-(-outputs // 4), inputs) if whole else weights.shape) >= density
    weights[np.repeat(cut, 4, axis=0)[:outputs] if whole else cut] = 0
    if draw(st.booleans()):
        weights[:, : draw(st.integers(0, inputs - 1))] = 0  # all that is left lies at the end
    if draw(st.booleans()):
        weights[0] = 0
    return weights.astype(np.int8)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels of all formats in one library of the host, with every warning an error."""
    host = load_board("host").toolchain
    needs(toolchain.missing(host))
    folder = tmp_path_factory.mktemp("kernels")
    names = sorted(FORMATS)
    header = (KERNELS / "nearwire.h").read_text() + "".join(FORMATS[name].sources()[0] for name in names)
    (folder / "nearwire.h").write_text(header + "#ifdef __cplusplus\n}\n#endif\n#endif\n")
    for name in names:
        parts = [*((KERNELS / f"{part}.c").read_text() for part in FORMATS[name].needs), FORMATS[name].sources()[1]]
        (folder / f"{name}.c").write_text("".join(parts))
    library = folder / "kernels.so"
    strict = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror"]
    toolchain.compiler_for(host).run(["-O2", *strict, "-shared", "-fPIC", "-o", library, *(folder / f"{name}.c" for name in names)], "the kernels")
    return ctypes.CDLL(str(library))


def call(library: ctypes.CDLL, item: Format, weights: Array, bias: Array, inputs: Array, shift: Array | None, step: int = 1) -> Array:
    """One layer by the compiled kernel."""
    outputs = len(weights)
    arrays = [np.ascontiguousarray(value) if value.size else np.zeros(1, value.dtype) for value in item.encode(weights).arrays.values()]
    result = np.full(outputs + 8, 0x55, np.uint8 if shift is not None else np.int32)
    arguments: list[object] = [pointer(inputs), *item.sizes(weights.shape[1]), *map(pointer, arrays), pointer(bias), outputs]
    if shift is None:
        getattr(library, f"nearwire_{item.name}_scores")(*arguments, pointer(result))
    else:
        getattr(library, f"nearwire_{item.name}")(*arguments, pointer(shift), step, pointer(result))
    assert (result[outputs:] == 0x55).all(), "the kernel wrote past its output"
    return result[:outputs]


def pointer(value: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(value.ctypes.data)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(weights=matrices())
def test_decoding_gives_back_the_weights(name: str, weights: Array) -> None:
    item = FORMATS[name]
    encoded = item.encode(weights)
    decoded = item.decode(encoded)
    assert decoded.dtype == np.int8
    assert np.array_equal(decoded, weights)
    assert encoded.constants_bytes == sum(value.nbytes for value in encoded.arrays.values())
    for hidden in (True, False):
        assert tuple(item.features(weights, hidden)) == item.features_of


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(weights=matrices(), seed=st.integers(0, 2**32 - 1), extreme=st.booleans())
def test_the_kernel_computes_the_law(kernels: ctypes.CDLL, name: str, weights: Array, seed: int, extreme: bool) -> None:
    item = FORMATS[name]
    rng = np.random.default_rng(seed)
    inputs = np.full(weights.shape[1], 255, np.uint8) if extreme else rng.integers(0, 256, weights.shape[1]).astype(np.uint8)
    bias = rng.integers(-200_000, 200_000, len(weights)).astype(np.int32)
    sums = accumulate(weights, bias, inputs[None])[0]
    assert np.array_equal(call(kernels, item, weights, bias, inputs, None), sums)
    shift = rng.integers(1, 14, len(weights)).astype(np.uint8)
    rounded = (bias + (1 << (shift.astype(np.int64) - 1))).astype(np.int32)
    assert np.array_equal(call(kernels, item, weights, rounded, inputs, shift), requantise(sums[None], shift)[0])
    same = np.full(len(weights), shift[0], np.uint8)
    rounded = (bias + (1 << (int(shift[0]) - 1))).astype(np.int32)
    assert np.array_equal(call(kernels, item, weights, rounded, inputs, shift[:1], step=0), requantise(sums[None], same)[0])


def test_too_many_inputs_are_refused() -> None:
    wide = np.zeros((1, 65536), np.int8)
    assert all("65535" in str(item.refusal(wide)) for item in FORMATS.values())
    assert all(item.refusal(wide[:, :65535]) is None for item in FORMATS.values())


@pytest.mark.parametrize("name", FORMATS)
def test_the_widest_layer_is_exact(kernels: ctypes.CDLL, name: str) -> None:
    weights = np.full((2, 65535), 63, np.int8)
    weights[1] = -63
    inputs = np.full(65535, 255, np.uint8)
    bias = np.array([5, -5], np.int32)
    assert np.array_equal(call(kernels, FORMATS[name], weights, bias, inputs, None), accumulate(weights, bias, inputs[None])[0])


def test_unknown_format_suggests() -> None:
    with pytest.raises(InputError, match="Did you mean 'dense_s8'"):
        format_named("dense_s4")


def test_every_kernel_is_a_file_of_its_own(tmp_path: Path) -> None:
    for name, item in FORMATS.items():
        header, source = item.sources()
        for function in (f"nearwire_{name}(", f"nearwire_{name}_scores("):
            assert function in header
            assert function in source
        for forbidden in ("malloc", "<math.h>", "float ", "double "):
            assert forbidden not in source
