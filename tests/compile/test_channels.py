"""Several channels, beside each other or one behind the other: every format with a table of sums, on every backend, and the law on samples turned round."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import box_network, replicated_network
from compile.emit.c import steady as c
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from compile.formats import FORMATS
from compile.passes.store import store
from compile.proof.verify import verify
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.network import reference
from runtime.network.check import validate
from runtime.network.file import save
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from tests.support.needs import needs
from train.layers.geometry import is_last, maps_of

M4 = load_board("emulated-cortex-m4")
POOLED = {"kernel": (3, 3), "padding": (1, 1), "pool": (2, 2)}
MAKERS = {
    "boxes": (lambda order: box_network((7, 9), neurons=20, synapses=5, channels=3, order=order), "boxes_s8"),
    "spans": (lambda order: box_network((1, 120), neurons=50, synapses=5, channels=3, order=order), "spans_s8"),
    "replicated": (lambda order: replicated_network((8, 7), channels=3, layers=(POOLED, {}), order=order), "replicated_s8"),
    "replicated signal": (
        lambda order: replicated_network((1, 40), channels=4, layers=({"kernel": (1, 7), "padding": (0, 3), "pool": (1, 2)},), order=order),
        "replicated_s8",
    ),
}


@pytest.mark.parametrize("zero_point", [0, 128])
@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("name", MAKERS)
def test_channels_on_every_backend(name: str, order: str, zero_point: int, tmp_path: Path) -> None:
    make, wanted = MAKERS[name]
    network = make(order)
    network = validate(replace(network, input=replace(network.input, zero_point=zero_point)))
    stored, ledger = store(network, M4)
    assert ledger[0].chosen == wanted, ledger[0].reason
    samples = np.random.default_rng(1).integers(0, 256, (30, network.input.size)).astype(np.uint8)
    samples[0], samples[1] = 0, 255
    save(stored, tmp_path / "network.safetensors")
    onnx.emit(stored, tmp_path)
    tflite.emit(stored, tmp_path)
    c.emit(stored, tmp_path)
    for backend, parity in verify(tmp_path, stored, samples, ("c", "onnxruntime", "tflite", "firmware"), board=M4.name).items():
        needs(parity.missing)
        assert parity.exact, (backend, parity)


@pytest.mark.parametrize("name", MAKERS)
def test_both_orders_are_one_network(name: str) -> None:
    make, wanted = MAKERS[name]
    first, last = make("first"), make("last")
    height, width = first.layers[0].options["grid"]
    maps = np.random.default_rng(2).integers(0, 256, (20, int(first.layers[0].options["channels"]), height, width)).astype(np.uint8)
    turned = maps.transpose(0, 2, 3, 1).reshape(20, -1)
    assert np.array_equal(reference.scores(first, maps.reshape(20, -1)), reference.scores(last, turned))
    item, layer = FORMATS[wanted], last.layers[0]
    assert np.array_equal(item.decode_layer(item.encode_layer(layer), layer), kind_of(layer).integer_weights(layer))


def test_a_layer_of_one_channel_beside_one_of_several(tmp_path: Path) -> None:
    """Two field layers of one network share a kernel, which is told about channels for both."""
    several = box_network((4, 5), neurons=24, synapses=6, channels=2, order="last")
    one = box_network((4, 6), neurons=12, synapses=6)
    second = replace(one.layers[0], name="layer1")
    head = replace(one.layers[1], name="layer2")
    network = validate(Network((several.layers[0], second, head), several.input, one.classes, stage="quantised"))
    stored, _ = store(network, M4, choice="auto")
    stored = stored.with_layers(tuple(replace(layer, store="boxes_s8") if layer.kind == "field" else layer for layer in stored.layers))
    c.emit(stored, tmp_path)
    samples = np.random.default_rng(1).integers(0, 256, (30, network.input.size)).astype(np.uint8)
    for parity in verify(tmp_path, stored, samples, ("c", "firmware"), board=M4.name).values():
        needs(parity.missing)
        assert parity.exact


@pytest.mark.parametrize(
    ("shape", "maps", "last"),
    [((9,), (1, 1, 9), False), ((4, 5), (1, 4, 5), False), ((6, 7, 3), (3, 6, 7), True), ((50, 3), (3, 1, 50), True)],
)
def test_shapes_have_their_channels_last(shape: tuple[int, ...], maps: tuple[int, int, int], last: bool) -> None:
    assert maps == (maps_of(shape) if len(shape) != 2 or not last else maps)
    assert is_last(shape, maps) == last


def test_an_order_that_nobody_knows_is_refused() -> None:
    network = box_network((4, 5), channels=2, order="last")
    first, *others = network.layers
    with pytest.raises(InputError, match="order"):
        validate(network.with_layers((first.with_options(order="middle"), *others)))


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (box_network((1, 1200), neurons=40, synapses=5), "spans_s8"),
        (box_network((1, 700), neurons=40, synapses=5, channels=3, order="last"), "spans_s8"),
        (replicated_network((1, 512), layers=({"kernel": (1, 9), "padding": (0, 4), "stride": (1, 2), "pool": (1, 4)},)), "replicated_s8"),
    ],
    ids=["one channel", "three", "replicated"],
)
def test_signals_longer_than_255_samples(network: Network, wanted: str, tmp_path: Path) -> None:
    assert FORMATS[wanted].refuses(network.layers[0]) is None
    stored, _ = store(network, M4)
    stored = stored.with_layers((replace(stored.layers[0], store=wanted), *stored.layers[1:]))
    samples = np.random.default_rng(1).integers(0, 256, (20, network.input.size)).astype(np.uint8)
    save(stored, tmp_path / "network.safetensors")
    onnx.emit(stored, tmp_path)
    tflite.emit(stored, tmp_path)
    c.emit(stored, tmp_path)
    for backend, parity in verify(tmp_path, stored, samples, ("c", "onnxruntime", "tflite", "firmware"), board=M4.name).items():
        needs(parity.missing)
        assert parity.exact, (backend, parity)


def test_a_grid_of_several_rows_stays_within_255_cells() -> None:
    with pytest.raises(InputError, match="sides of 255, or one row of 65535"):
        box_network((2, 300))
