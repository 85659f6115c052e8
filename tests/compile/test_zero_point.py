"""A zero point is no reason to refuse a storage format: signed input through every format whose neurons pack bias and shift, on every backend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import box_network, integer_network, replicated_network
from compile.emit.c import steady as c
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from compile.formats import FORMATS
from compile.formats.base import fits_narrow, folded_bias, pack_wide
from compile.passes.store import store
from compile.proof.verify import verify
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.file import save
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from tests.support.needs import needs

M4 = load_board("emulated-cortex-m4")
SIGNED = {
    "boxes": (lambda: box_network((9, 11), neurons=13, synapses=5), "boxes_s8"),
    "wide boxes": (lambda: box_network((20, 24), neurons=9), "boxes_s8"),
    "spans": (lambda: box_network((1, 200), neurons=20, synapses=5), "spans_s8"),
    "replicated": (lambda: replicated_network((9, 8)), "replicated_s8"),
    "replicated, two layers, means": (lambda: replicated_network((12, 12), layers=({}, {"pooling": "average"})), "replicated_s8"),
    "replicated, wide": (lambda: replicated_network((20, 18), layers=({"kernel": (13, 12), "padding": (6, 6), "pool": (4, 4)},)), "replicated_s8"),
    "replicated signal": (lambda: replicated_network((1, 40), layers=({"kernel": (1, 7), "padding": (0, 3), "pool": (1, 2)},)), "replicated_s8"),
    "replicated, channels": (lambda: replicated_network((7, 6), channels=3), "replicated_s8"),
    "columns": (lambda: box_network((5, 6), middle=9, classes=3), "columns_s4"),
}


def signed(network: Network, zero_point: int) -> Network:
    return validate(replace(network, input=replace(network.input, zero_point=zero_point)))


def four_bits(network: Network) -> Network:
    """A dense network whose weights all fit 4 bits."""
    layers = (layer.with_arrays(weight=(layer.arrays["weight"] // 9).astype(np.int8)) for layer in network.layers)
    return network.with_layers(tuple(layers))


CASES = [(name, 128) for name in SIGNED] + [("boxes", 255), ("replicated", 255), ("replicated, wide", 1), ("columns", 1)]


@pytest.mark.parametrize(("name", "zero_point"), CASES)
def test_signed_input_on_every_backend(name: str, zero_point: int, tmp_path: Path) -> None:
    make, wanted = SIGNED[name]
    network = signed(make() if wanted != "columns_s4" else four_bits(integer_network((30, 11, 4), seed=3)), zero_point)
    if wanted == "columns_s4":
        assert FORMATS[wanted].refuses(network.layers[0]) is None
        stored, _ = store(network, M4, choice=wanted)
    else:
        stored, ledger = store(network, M4)
        assert ledger[0].chosen == wanted, ledger[0]
    samples = np.random.default_rng(1).integers(0, 256, (40, network.input.size)).astype(np.uint8)
    samples[0], samples[1] = 0, 255
    save(stored, tmp_path / "network.safetensors")
    onnx.emit(stored, tmp_path)
    tflite.emit(stored, tmp_path)
    c.emit(stored, tmp_path)
    results = verify(tmp_path, stored, samples, ("c", "onnxruntime", "tflite", "firmware"), board=M4.name)
    if zero_point == 255:
        results |= {"M0+": verify(tmp_path, stored, samples, ("firmware",), board="emulated-cortex-m0plus")["firmware"]}
    for backend, parity in results.items():
        needs(parity.missing)
        assert parity.exact, (backend, parity)


def test_a_bias_takes_32_bits_only_where_16_do_not_do() -> None:
    network = box_network((9, 11), neurons=13, synapses=5)
    plain, _ = store(network, M4)
    wide, ledger = store(signed(network, 128), M4)
    assert fits_narrow(plain.layers[0], True)
    assert not fits_narrow(wide.layers[0], True)
    assert "NEARWIRE_BOXES_BIAS uint32_t" in c.files(wide)["nearwire.h"]
    assert "NEARWIRE_BOXES_BIAS uint32_t" not in c.files(plain)["nearwire.h"]
    narrow_bytes = store(network, M4)[1][0].formats["boxes_s8"].bytes
    assert ledger[0].formats["boxes_s8"].bytes == narrow_bytes + 2 * 13


def test_wide_words_hold_28_bits() -> None:
    shift = np.array([3], np.uint8)
    for bias in (-(2**27), 2**27 - 1, 0, -1):
        words = pack_wide(np.array([bias]), shift)
        assert words is not None
        assert int(words[0].astype(np.int32)) >> 4 == bias
        assert int(words[0]) & 15 == 3
    assert pack_wide(np.array([2**27]), shift) is None


def test_folded_bias_is_what_the_law_adds() -> None:
    layer = store(signed(box_network((6, 7)), 200), M4)[0].layers[0]
    kernel = folded_bias(layer, True) - folded_bias(layer, False)
    assert np.array_equal(kernel, -200 * kind_of(layer).integer_weights(layer).astype(np.int64).sum(axis=1))


def test_a_zero_point_that_is_not_the_inputs_is_refused() -> None:
    network = signed(box_network(), 9)
    first, *others = network.layers
    with pytest.raises(InputError, match="zero point 8, but 9 means 0"):
        validate(network.with_layers((first.with_options(zero_point=8), *others)))
