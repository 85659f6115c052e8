"""replicated_s8: it gives back the weights, computes the law on the host and on emulated cores, and refuses what it cannot hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.networks import box_network, integer_network, replicated_network
from compile.emit.c import steady as c
from compile.formats import FORMATS
from compile.formats.replicated import Plan
from compile.passes.store import store
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.backends import backend
from runtime.backends.firmware.core import FirmwareSession
from runtime.network import reference
from runtime.network.kinds import kind_of
from runtime.network.network import Network

BOARD = load_board("emulated-cortex-m4")
ITEM = FORMATS["replicated_s8"]
WHOLE = {"kernel": (15, 15), "padding": (7, 7), "prototypes": 3, "synapses": 2}  # boxes of more than 128 cells: sums past 15 bits
STACKED = {"layers": ({"prototypes": 5, "kernel": (5, 4), "padding": (2, 1), "stride": (2, 2)}, {"prototypes": 7, "pool": (3, 2)}), "cut": 3}


@st.composite
def geometries(draw: st.DrawFn, grid: tuple[int, int]) -> dict[str, object]:
    """A replicated layer that fits the grid."""
    told: dict[str, object] = {"prototypes": draw(st.integers(1, 6)), "synapses": draw(st.integers(1, 6))}
    kernel, padding = [], []
    for size in grid:
        kernel.append(draw(st.integers(1, min(15, size + 4))))
        padding.append(draw(st.integers(max(0, -(-(kernel[-1] - size) // 2)), kernel[-1] - 1)))
    sizes = {name: (draw(st.integers(1, high)), draw(st.integers(1, high))) for name, high in (("stride", 3), ("pool", 4))}
    if draw(st.booleans()):
        sizes |= {"pool": (draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([1, 2, 4]))), "pooling": "average"}
    return {**told, "kernel": tuple(kernel), "padding": tuple(padding), **sizes}


@st.composite
def networks(draw: st.DrawFn) -> Network:
    grid, channels = (draw(st.integers(1, 17)), draw(st.integers(1, 17))), draw(st.sampled_from([1, 1, 2, 3, 9]))
    options = {"seed": draw(st.integers(0, 2**31)), "cut": draw(st.sampled_from([0, 0, 4, 7])), "classes": draw(st.integers(2, 5))}
    first = draw(geometries(grid))
    found = replicated_network(grid, channels, (first,), **options)
    if draw(st.booleans()):
        rows, columns = (-(-((grid[k] + 2 * first["padding"][k] - first["kernel"][k]) // first["stride"][k] + 1) // first["pool"][k]) for k in (0, 1))
        found = replicated_network(grid, channels, (first, draw(geometries((rows, columns)))), **options)
    return found


MEANS = {"layers": ({"pool": (2, 4), "pooling": "average", "kernel": (5, 5), "padding": (2, 2)}, {"prototypes": 5, "pool": (1, 2)}), "cut": 1}


def stored(network: Network) -> Network:
    layers = tuple(replace(layer, store="replicated_s8" if layer.kind == "replicated" else "columns_s4") for layer in network.layers)
    return network.with_layers(layers, "stored")


def samples(network: Network, count: int = 12) -> np.ndarray:
    rng = np.random.default_rng(3)
    found = rng.integers(0, 256, (count, network.input.size)).astype(np.uint8)
    found[0], found[1] = 0, 255
    return found


@given(networks())
def test_decoding_gives_back_the_weights(network: Network) -> None:
    for layer in network.layers[:-1]:
        assert ITEM.refuses(layer) is None
        assert np.array_equal(ITEM.decode_layer(ITEM.encode_layer(layer), layer), kind_of(layer).integer_weights(layer))
        assert tuple(ITEM.layer_features(layer)) == ITEM.features_of


@settings(max_examples=40, deadline=None)
@given(networks())
def test_the_host_equals_the_reference(tmp_path_factory: pytest.TempPathFactory, network: Network) -> None:
    folder = tmp_path_factory.mktemp("replicated")
    c.emit(stored(network), folder)
    with backend("c").open(folder, stored(network)) as session:
        assert np.array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


@pytest.mark.parametrize("core", ["m0plus", "m3", "m4", "m7", "m33"])
@pytest.mark.parametrize(
    "options",
    [
        {"grid": (28, 28), "layers": ({"kernel": (9, 9), "stride": (2, 2), "padding": (4, 4)},)},
        {"grid": (17, 19), "layers": (WHOLE,)},
        {"grid": (14, 13), "channels": 2, **STACKED},
        {"grid": (13, 15), **MEANS},
        {"grid": (9, 11), "layers": ({"pooling": "average", "stride": (2, 1)},)},
        {"grid": (9, 10), "channels": 3, "layers": ({"stride": (5, 3), "kernel": (3, 3), "padding": (0, 2), "pool": (1, 4)},)},
    ],
    ids=["one channel", "wide boxes", "stacked", "means and maxima", "means", "stride past the kernel"],
)
def test_emulated_cores_equal_the_reference(core: str, options: dict[str, object], tmp_path: Path) -> None:
    network = stored(replicated_network(**options))
    c.emit(network, tmp_path)
    with FirmwareSession(tmp_path, network, load_board(f"emulated-cortex-{core}")) as session:
        found = [session.scores(samples(network)), session.scores(samples(network))]  # the second time on what the first one left
    assert np.array_equal(found[0], reference.scores(network, samples(network)))
    assert np.array_equal(found[1], found[0])


def test_all_of_a_box_of_225_cells_is_exact(tmp_path: Path) -> None:
    network = replicated_network((17, 17), layers=(WHOLE,))
    layer = network.layers[0]
    edges, charge = np.zeros_like(layer.arrays["edges"]), np.zeros_like(layer.arrays["charge"])
    edges[...] = [0, 0, 15, 15]
    charge[:, 0] = [1, 63, -63]
    network = stored(network.with_layers((layer.with_arrays(edges=edges, charge=charge), *network.layers[1:])))
    assert "NEARWIRE_REPLICATED_WIDE 0\n" in c.files(network)["nearwire.h"]
    c.emit(network, tmp_path)
    with backend("c").open(tmp_path, network) as session:
        assert np.array_equal(session.scores(samples(network)), reference.scores(network, samples(network)))


def test_the_table_holds_one_row_of_windows() -> None:
    layer = replicated_network((28, 28), layers=({"kernel": (9, 9), "stride": (2, 2), "padding": (4, 4)},)).layers[0]
    plan = Plan.of(layer)
    assert (plan.band, plan.kept, plan.pitch) == (12, 8, 36)  # of 28 + 2 * 4 + 1 rows
    assert ITEM.scratch(layer)[2] == 2 * 12 * 36 + 4 * 2 * 14 + 4


def test_store_takes_it_and_counts_a_bias_a_prototype() -> None:
    network = replicated_network((12, 12), layers=({"prototypes": 6, "synapses": 4},), classes=10)
    found, ledger = store(network, BOARD)
    assert found.layers[0].store == "replicated_s8"
    assert ledger[0].formats["replicated_s8"].bytes == 6 * (4 * 4 + 2) + 2 * (24 + 4)
    assert list(ledger[0].formats) == ["replicated_s8"]


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    network = replicated_network()
    layer = network.layers[0]
    assert "at most 15 x 15" in str(ITEM.refuses(replicated_network((16, 16), layers=({"kernel": (16, 3)},)).layers[0]))
    assert "-64..63" in str(ITEM.refuses(layer.with_arrays(charge=np.full_like(layer.arrays["charge"], 64))))
    assert ITEM.refuses(layer.with_arrays(bias=layer.arrays["bias"] * 0 + 1, shift=layer.arrays["shift"] * 0 + 9)) is None  # it takes 32 bits
    assert "28 bits" in str(ITEM.refuses(layer.with_arrays(bias=layer.arrays["bias"] * 0 + 2**27)))
    assert "activation" in str(ITEM.refuses(replace(layer, activation="none")))
    assert "no prototypes" in str(ITEM.refuses(box_network().layers[0]))
    wide = replicated_network((4, 255), 256, ({"prototypes": 1, "synapses": 1},)).layers[0]
    assert "sizes of at most 65535" in str(ITEM.refuses(wide))
    with pytest.raises(InputError, match="cannot be stored as 'replicated_s8': the layer has no prototypes"):
        store(integer_network(), BOARD, choice="replicated_s8")
