"""boxes_s8, spans_s8 and the columns: they give back the weights, compute the law on the host and on emulated cores, and refuse what they cannot hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.networks import box_network, integer_network
from compile.emit.c import steady as c
from compile.formats import FORMATS
from compile.formats.base import pack_bias
from compile.formats.boxes import window
from compile.passes.store import store
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.backends import backend
from runtime.backends.firmware.core import FirmwareSession
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.network import Layer, Network

BOARD = load_board("emulated-cortex-m4")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    grid = draw(st.one_of(st.tuples(st.integers(1, 30), st.integers(1, 30)), st.tuples(st.just(1), st.integers(1, 255))))
    sizes = {"neurons": draw(st.integers(1, 20)), "synapses": draw(st.integers(1, 8)), "classes": draw(st.integers(2, 20))}
    options = {"cut": draw(st.sampled_from([0, 4, 7])), "middle": draw(st.integers(0, 18)), "largest": draw(st.sampled_from([1, 3, 7]))}
    options["odd"] = options["largest"] > 1 and draw(st.booleans())
    return box_network(grid, **sizes, seed=draw(st.integers(0, 2**31)), **options)


def stored(network: Network) -> Network:
    return network.with_layers(tuple(replace(layer, store=format_of(layer)) for layer in network.layers), "stored")


def format_of(layer: Layer) -> str:
    """The narrowest of these formats that holds the layer."""
    return next(name for name in ("spans_s8", "boxes_s8", "columns_s2", "columns_o2", "columns_s4") if FORMATS[name].refuses(layer) is None)


def samples(network: Network, count: int = 20) -> np.ndarray:
    rng = np.random.default_rng(3)
    found = rng.integers(0, 256, (count, network.input.size)).astype(np.uint8)
    found[0], found[1] = 0, 255
    return found


@given(networks())
def test_decoding_gives_back_the_weights(network: Network) -> None:
    for layer in network.layers:
        item = FORMATS[format_of(layer)]
        assert np.array_equal(item.decode_layer(item.encode_layer(layer), layer), kind_of(layer).integer_weights(layer))
        assert tuple(item.layer_features(layer)) == item.features_of


@settings(max_examples=15, deadline=None)
@given(networks())
def test_the_host_equals_the_reference(tmp_path_factory: pytest.TempPathFactory, network: Network) -> None:
    folder = tmp_path_factory.mktemp("boxes")
    c.emit(stored(network), folder)
    with backend("c").open(folder, stored(network)) as session:
        assert np.array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


@pytest.mark.parametrize("core", ["m0plus", "m3", "m4", "m7", "m33"])
@pytest.mark.parametrize(
    "options",
    [
        {"grid": (28, 28), "neurons": 30, "classes": 10},
        {"grid": (9, 14), "synapses": 6, "middle": 17, "cut": 4},
        {"middle": 33, "largest": 1},
        {"middle": 33, "largest": 3, "odd": True, "neurons": 90},
        {"grid": (1, 200), "synapses": 3},
    ],
)
def test_emulated_cores_equal_the_reference(core: str, options: dict[str, int], tmp_path: Path) -> None:
    network = stored(box_network(**options))
    c.emit(network, tmp_path)
    with FirmwareSession(tmp_path, network, load_board(f"emulated-cortex-{core}")) as session:
        assert np.array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


def test_the_window_leaves_out_cells_that_nobody_reads() -> None:
    network = box_network((28, 28), neurons=4)
    edges = network.layers[0].arrays["edges"].copy()
    edges[...] = [5, 6, 9, 12]
    assert window(network.layers[0].with_arrays(edges=edges)) == (5, 6, 4, 6)


def test_store_takes_boxes_and_columns_where_they_are_smallest() -> None:
    found, ledger = store(box_network((20, 20), neurons=40, classes=10), BOARD)
    assert [layer.store for layer in found.layers] == ["boxes_s8", "columns_s4"]
    assert ledger[0].formats["boxes_s8"].bytes == 40 * 18
    assert ledger[1].formats["columns_s4"].bytes == 40 * 5 + 10 * 4
    assert store(box_network((20, 20), neurons=40, classes=10), BOARD, "ram")[0].layers[0].store != "boxes_s8"


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    wide = box_network((31, 40), neurons=3)
    full = np.zeros_like(wide.layers[0].arrays["edges"])
    full[...] = [0, 0, 31, 40]
    boxes, columns = FORMATS["boxes_s8"], FORMATS["columns_s4"]
    assert "at most 1024 cells" in str(boxes.refuses(wide.layers[0].with_arrays(edges=full)))
    assert "no rectangles" in str(boxes.refuses(integer_network().layers[0]))
    assert "weights of -7..7" in str(columns.refuses(integer_network().layers[0]))
    assert "weights of -1..1" in str(FORMATS["columns_s2"].refuses(integer_network().layers[0]))
    middle = box_network(middle=8).layers[1]
    assert columns.refuses(middle.with_arrays(bias=middle.arrays["bias"] + 1)) is None  # it takes 32 bits
    assert "does not fit 28 bits" in str(columns.refuses(middle.with_arrays(bias=np.full_like(middle.arrays["bias"], 2**27))))
    assert "odd weights" in str(FORMATS["columns_o2"].refuses(box_network(middle=8, largest=3).layers[1]))
    with pytest.raises(InputError, match="cannot be stored as 'boxes_s8'"):
        store(integer_network(), BOARD, choice="boxes_s8")


def test_four_odd_weights_take_two_bits_and_the_largest_sums_are_exact(tmp_path: Path) -> None:
    network = box_network((20, 20), neurons=200, middle=16, largest=3, odd=True)
    first = network.layers[0]
    whole = {"edges": np.broadcast_to(np.array([0, 0, 15, 15], np.uint8), first.arrays["edges"].shape).copy()}
    first = first.with_arrays(**whole, charge=np.full_like(first.arrays["charge"], 15), bias=first.arrays["bias"] * 0)
    weight = np.where(np.arange(16)[:, None] % 2, 3, -3) * np.ones((16, 200))
    middle = network.layers[1].with_arrays(weight=weight.astype(np.int8))
    network = network.with_layers((first, middle, network.layers[2]))
    found, ledger = store(network, BOARD)
    assert [layer.store for layer in found.layers] == ["boxes_s8", "columns_o2", "columns_o2"]
    assert ledger[1].formats["columns_o2"].bytes == 200 * 4 + 16 * 2
    c.emit(found, tmp_path)
    with backend("c").open(tmp_path, found) as session:
        assert np.array_equal(session.scores(samples(found)), reference.scores(network, samples(network)))


def test_packed_bias_bounds() -> None:
    shift = np.array([2, 13], np.uint8)
    assert pack_bias(np.array([-2048, 2047 << 11]), shift) is not None
    assert pack_bias(np.array([2048, 0]), shift) is None
    assert pack_bias(np.array([0, 1]), shift) is None
    assert pack_bias(np.array([0]), np.array([1], np.uint8)) is None
