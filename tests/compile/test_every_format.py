"""Every storage format, on networks with layers that it can hold: the weights come back, the bytes are those of the C code, and the C code computes the law."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.formats import network_for, with_format
from compile.emit.c import steady as c
from compile.formats import FORMATS
from compile.formats.base import ARRAY_TYPES
from devices.boards.board import load_board
from devices.tools import toolchain
from runtime.backends.c.steady import NativeBackend, NativeSession
from runtime.backends.firmware.core import FirmwareSession
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Layer, Network
from tests.support.needs import needs

SEEDS = (0, 1)
CORE = load_board("emulated-cortex-m4")


def stored_for(name: str, seed: int) -> Network:
    """A random network with the format wherever it can hold a layer, at least once."""
    rng = np.random.default_rng(seed)
    for more in range(20):
        network = with_format(network_for(FORMATS[name], rng, seed + 100 * more), name)
        if any(layer.store == name for layer in network.layers):
            return network
    raise AssertionError(f"20 networks have no layer for {name}")


def samples(network: Network) -> Array:
    values = np.random.default_rng(3).integers(0, 256, (12, network.input.size)).astype(np.uint8)
    values[0], values[1] = 0, 255
    return values


def bytes_in_c(name: str, layer: Layer) -> int:
    """What the ledger says, but for empty arrays, which C does not have."""
    empty = sum(value.itemsize for value in FORMATS[name].encode_layer(layer).arrays.values() if value.size == 0)
    return FORMATS[name].encode_layer(layer).constants_bytes + FORMATS[name].parameter_bytes(layer) + empty


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_weights_come_back(name: str, seed: int) -> None:
    item = FORMATS[name]
    for layer in stored_for(name, seed).layers:
        if layer.store != name:
            assert item.refuses(layer)
            continue
        encoded = item.encode_layer(layer)
        decoded = item.decode_layer(encoded, layer)
        assert decoded.dtype == np.int8
        assert np.array_equal(decoded, kind_of(layer).integer_weights(layer))
        assert all(value.ndim == 1 and value.dtype.name in ARRAY_TYPES for value in encoded.arrays.values())
        assert encoded.constants_bytes == sum(value.nbytes for value in encoded.arrays.values())
        assert tuple(item.layer_features(layer)) == item.features_of
        assert item.instructions(layer, CORE) > 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FORMATS)
def test_the_c_code_has_these_bytes_and_computes_the_law(name: str, seed: int, tmp_path: Path) -> None:
    needs(NativeBackend().missing())
    network = stored_for(name, seed)
    c.emit(network, tmp_path)
    header = (tmp_path / "c" / "model.h").read_text()
    constants = int(re.findall(r"#define NEARWIRE_CONSTANT_BYTES (\d+)", header)[0])
    assert constants == sum(bytes_in_c(str(layer.store), layer) for layer in network.layers)
    expected = reference.scores(network, samples(network))
    with NativeBackend().open(tmp_path, network) as session:
        assert isinstance(session, NativeSession)
        for level in (0, 1, 2):
            session.vector_level(level)
            np.testing.assert_array_equal(session.scores(samples(network)), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_an_emulated_core_computes_the_law(name: str, tmp_path: Path) -> None:
    needs(toolchain.missing(CORE.toolchain))
    network = stored_for(name, 7)
    c.emit(network, tmp_path)
    with FirmwareSession(tmp_path, network, CORE) as session:
        np.testing.assert_array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


@pytest.mark.parametrize("name", FORMATS)
def test_the_kernel_needs_no_library(name: str) -> None:
    header, source = FORMATS[name].sources()
    functions = {f"nearwire_{name}(", f"nearwire_{name}_scores("}
    assert {function for function in functions if function in header} == {function for function in functions if function in source} != set()
    assert not re.search(r"malloc|<math\.h>|\b(float|double)\b", re.sub(r"/\*.*?\*/", "", source, flags=re.S))
