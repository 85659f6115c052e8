"""A new storage format and a new backend are one class and one line each: both are made here, and a network goes through the whole compile with them.

The format holds the rows of a dense matrix one behind the other; its kernel is a C text in a folder that the format names. The backend computes
the stored network in loops of Python. No other file knows of either.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.formats import network_for, with_format
from bench.support.networks import float_network
from compile.formats import FORMATS
from compile.formats.base import Encoded, MatrixFormat
from compile.pipeline.pipeline import CompileOptions, compile_network
from runtime.backends import BACKENDS, Backend, LayerFigure, Session, backend
from runtime.backends.registry import Entry
from runtime.backends.timing import time_calls
from runtime.builds.checked import open_build
from runtime.data.dataset import load_dataset
from runtime.network.file import save
from runtime.network.kinds import kind_of
from runtime.network.network import Array, Network
from tests.support.needs import needs

HEADER = """/* toy_s8: all weights, a row a neuron. */
void nearwire_toy_s8(const uint8_t *input, uint32_t inputs, const int8_t *weights, const int32_t *bias, uint32_t outputs, const uint8_t *shift,
                     uint32_t shift_step, uint8_t *output);

void nearwire_toy_s8_scores(const uint8_t *input, uint32_t inputs, const int8_t *weights, const int32_t *bias, uint32_t outputs, int32_t *scores);
"""
SOURCE = """#include "nearwire.h"

static int32_t nearwire_toy_s8_row(const uint8_t *input, uint32_t inputs, const int8_t *weights, int32_t sum)
{
    while (inputs-- > 0u) {
        sum += *weights++ * *input++;
    }
    return sum;
}

void nearwire_toy_s8(const uint8_t *input, uint32_t inputs, const int8_t *weights, const int32_t *bias, uint32_t outputs, const uint8_t *shift,
                     uint32_t shift_step, uint8_t *output)
{
    for (; outputs > 0u; outputs--, weights += inputs, shift += shift_step) {
        *output++ = nearwire_requantise(nearwire_toy_s8_row(input, inputs, weights, *bias++), *shift);
    }
}

void nearwire_toy_s8_scores(const uint8_t *input, uint32_t inputs, const int8_t *weights, const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    for (; outputs > 0u; outputs--, weights += inputs) {
        *scores++ = nearwire_toy_s8_row(input, inputs, weights, *bias++);
    }
}
"""


class Toy(MatrixFormat):
    name = "toy_s8"
    description = "all weights, a row a neuron"
    features_of = ("call", "neurons", "products")
    estimate = {"call": 40, "neurons": 20, "products": 6, "code_bytes": 150}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "toy_s8.h").write_text(HEADER)
        (folder / "toy_s8.c").write_text(SOURCE)

    def encode(self, weights: Array) -> Encoded:
        return Encoded({"weights": weights.astype(np.int8).ravel()}, (weights.shape[0], weights.shape[1]))

    def decode(self, encoded: Encoded) -> Array:
        return encoded.arrays["weights"].reshape(encoded.shape)

    def sizes(self, inputs: int) -> tuple[int, ...]:
        return (inputs,)

    def features(self, weights: Array, hidden: bool) -> dict[str, float]:
        return {"call": 1, "neurons": len(weights), "products": weights.size}


class LoopSession(Session):
    """Sums and shifts, one neuron and one input at a time."""

    detail = "loops of Python"

    def __init__(self, network: Network) -> None:
        self._zero = network.input.zero_point
        self._layers = [(kind_of(layer).integer_weights(layer).tolist(), layer) for layer in network.layers]

    def scores(self, samples: Array) -> Array:
        return np.array([self._inferred(sample.tolist()) for sample in samples], np.int32)

    def time_ns(self, sample: Array, runs: int) -> Array:
        return time_calls(lambda: self._inferred(sample.tolist()), runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        return [LayerFigure(layer.name) for _, layer in self._layers]

    def _inferred(self, values: list[int]) -> list[int]:
        zero = self._zero
        for rows, layer in self._layers:
            biases = layer.arrays["bias"].tolist()
            sums = [bias + sum(w * (v - zero) for w, v in zip(row, values, strict=True)) for row, bias in zip(rows, biases, strict=True)]
            if "shift" not in layer.arrays:
                return sums
            shifts = layer.arrays["shift"].tolist()
            values, zero = [min(max((s + (1 << (n - 1))) >> n, 0), 255) for s, n in zip(sums, shifts, strict=True)], 0
        raise ValueError("the last layer has a shift")


class LoopBackend(Backend):
    name = "loops"

    def missing(self) -> str | None:
        return None

    def open(self, folder: Path, network: Network) -> Session:
        return LoopSession(network)


BACKEND = LoopBackend()  # what the registry's entry names


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Both, each registered by one line."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    item = Toy(folder)
    monkeypatch.setitem(FORMATS, "toy_s8", item)
    monkeypatch.setitem(BACKENDS, "loops", Entry("loops", __name__, verified=True))
    return item


def network() -> Network:
    """A trained network that reads digits."""
    return replace(float_network((64, 24, 10)), input=load_dataset("digits").spec)


def test_a_network_is_compiled_and_verified_with_both(toy: Toy, tmp_path: Path) -> None:
    for name in ("c", "firmware"):
        needs(backend(name).missing())
    source = tmp_path / "network.safetensors"
    save(network(), source)
    options = CompileOptions(data="digits", store="toy_s8", report_samples=False)
    manifest = compile_network(source, tmp_path / "build", options)
    assert [layer.store for layer in manifest.layers] == ["toy_s8", "toy_s8"]
    assert [layer.bytes for layer in manifest.layers] == [64 * 24 + 4 * 24 + 24, 24 * 10 + 4 * 10]
    for name in ("loops", "c", "firmware"):
        record = manifest.parity[name]
        assert record is not None
        assert (record.label_mismatches, record.max_abs_difference) == (0, 0)
    assert manifest.parity["loops"].samples == manifest.accuracy.samples  # type: ignore[union-attr]
    build = open_build(tmp_path / "build")
    assert "nearwire_toy_s8_scores(" in (build.folder / "c" / "nearwire.c").read_text()
    assert "toy_s8" in manifest.layers[0].ledger
    assert manifest.cost is not None


def test_the_choice_of_formats_knows_it_too(toy: Toy, tmp_path: Path) -> None:
    """Its estimated costs stand in every layer's ledger beside those that were measured."""
    held = with_format(network_for(toy, np.random.default_rng(0), 0), "toy_s8")
    assert {layer.store for layer in held.layers} == {"toy_s8"}
    save(network(), tmp_path / "network.safetensors")
    manifest = compile_network(tmp_path / "network.safetensors", tmp_path / "build", CompileOptions(data="digits", report_samples=False))
    assert all({"toy_s8", "dense16_s8"} <= set(layer.ledger) for layer in manifest.layers)
