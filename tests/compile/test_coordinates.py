"""Formats of positions: the same weights bit for bit, on the host and on emulated cores, on the fly or from RAM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.support.networks import box_network, float_network, spatial_network
from compile.emit.c import steady as c
from compile.formats import FORMATS
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from compile.passes.store import store
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.backends import backend
from runtime.backends.firmware.core import FirmwareSession
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from tests.support.needs import needs

NAMES = ("coordinates_s8", "expanded_s8")
CORES = ("m0plus", "m3", "m4", "m7", "m33")
BOARD = load_board("emulated-cortex-m4")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """One or two layers of positions, any number of axes, with or without a cut-off, every number of mantissa bits."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=2, max_size=3))
    options = {"axes": draw(st.integers(1, 5)), "cut_share": draw(st.sampled_from((0.0, 0.5, 0.95))), "seed": draw(st.integers(0, 2**31))}
    return spatial_network(tuple(sizes), zero_point=draw(st.sampled_from((0, 128, 255))), mantissa_bits=draw(st.integers(0, 4)), **options)


def in_format(network: Network, name: str) -> Network:
    return network.with_layers(tuple(replace(layer, store=name) for layer in network.layers), "stored")


def samples(network: Network, count: int = 12) -> np.ndarray:
    found = np.random.default_rng(3).integers(0, 256, (count, network.input.size)).astype(np.uint8)
    found[0], found[1] = 0, 255
    found[2:, ::3] = 0
    return found


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None)
@given(network=networks())
def test_decoding_gives_back_the_weights(name: str, network: Network) -> None:
    item = FORMATS[name]
    for layer in network.layers:
        assert item.refuses(layer) is None
        assert np.array_equal(item.decode_layer(item.encode_layer(layer), layer), kind_of(layer).integer_weights(layer))
        assert tuple(item.layer_features(layer)) == item.features_of


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(network=networks())
def test_the_host_equals_the_reference(name: str, network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    needs(backend("c").missing())
    folder, stored = tmp_path_factory.mktemp("coordinates"), in_format(network, name)
    c.emit(stored, folder)
    with backend("c").open(folder, stored) as session:
        assert np.array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", NAMES)
def test_emulated_cores_equal_the_reference(core: str, name: str, tmp_path: Path) -> None:
    needs(backend("firmware").missing())
    network = in_format(spatial_network((61, 18, 7), cut_share=0.3, zero_point=9), name)
    c.emit(network, tmp_path)
    with FirmwareSession(tmp_path, network, load_board(f"emulated-cortex-{core}")) as session:
        found = [session.scores(samples(network)), session.scores(samples(network))]
    assert np.array_equal(found[0], reference.scores(network, samples(network)))
    assert np.array_equal(found[1], found[0])


def test_only_the_first_inference_expands(tmp_path: Path) -> None:
    needs(backend("firmware").missing())
    network = in_format(spatial_network((61, 18, 7)), "expanded_s8")
    c.emit(network, tmp_path)
    with FirmwareSession(tmp_path, network, BOARD) as session:
        figures = session.figures(samples(network, 3))
    pairs = 61 * 18 + 18 * 7
    assert figures.instructions_first > figures.instructions_max + 15 * pairs
    assert figures.instructions_min == figures.instructions_max
    assert figures.bss_bytes == 20 + 4 * sum(1 + -(-layer.outputs // 4) * -(-layer.inputs // 2) * 2 for layer in network.layers)


def test_the_ledger_shows_both_with_their_ram() -> None:
    network = quantise(
        prune(freeze(float_network((20, 64, 4), "spatial")), 0.5), np.random.default_rng(0).integers(0, 256, (99, 20)).astype(np.uint8)
    )
    stored, ledger = store(network, BOARD)
    assert [layer.store for layer in stored.layers] == ["coordinates_s8"] * 2
    first, last = (entry.formats for entry in ledger)
    assert (first["coordinates_s8"].ram, last["coordinates_s8"].ram) == (4 * 64, 0)
    assert first["expanded_s8"].ram == 4 * (1 + 16 * 20)
    assert first["expanded_s8"].instructions < first["coordinates_s8"].instructions
    assert all(entry.error_percent > 0 for entry in first.values())
    assert first["coordinates_s8"].bytes == 2 * (20 + 64) + -(-20 // 8) + 20 + len(network.layers[0].arrays["table"]) + 4 * 64 + shifts(network)


def shifts(network: Network) -> int:
    found = network.layers[0].arrays["shift"]
    return 1 if len(set(found.tolist())) == 1 else len(found)


def test_what_is_far_slower_is_taken_only_by_name() -> None:
    network = spatial_network((300, 40, 10), axes=16)
    entry = store(network, BOARD)[1][0]
    assert entry.chosen.startswith("dense")
    assert "coordinates_s8 has" in entry.reason
    assert "more than 8 times the fewest" in entry.reason
    assert {entry.chosen for entry in store(network, BOARD, choice="coordinates_s8")[1]} == {"coordinates_s8"}


def test_expanded_weights_that_fit_no_ram_are_refused() -> None:
    assert BOARD.memory
    small = BOARD.model_copy(update={"memory": BOARD.memory.model_copy(update={"ram_bytes": 1000})})
    network = spatial_network((61, 18, 7))
    assert all("expanded_s8" not in entry.formats for entry in store(network, small)[1][:1])
    with pytest.raises(InputError, match=r"layer 'layer0' cannot be stored as 'expanded_s8': it needs 1244 bytes of RAM, board .* has 1000"):
        store(network, small, choice="expanded_s8")


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    item = FORMATS["coordinates_s8"]
    layer = spatial_network().layers[0]
    assert "no positions" in str(item.refuses(box_network().layers[0]))
    wide = layer.arrays["sender"].copy()
    wide[0, 0] = 130
    assert "--bits 8" in str(item.refuses(layer.with_arrays(sender=wide)))
    assert "outside its table" in str(item.refuses(layer.with_arrays(table=layer.arrays["table"][:3])))
    same = layer.with_arrays(sender=np.zeros_like(layer.arrays["sender"]), receiver=np.zeros_like(layer.arrays["receiver"])).with_options(gap2=0)
    assert "squared distances" in str(item.refuses(same))
