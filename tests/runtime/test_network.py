"""The network file: round trip of every kind and form, and one clear error for every way it can be broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import float_network, integer_network
from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from devices.errors import InputError
from runtime.network.check import validate
from runtime.network.file import from_bytes, load, save, to_bytes
from runtime.network.kinds import KINDS
from runtime.network.network import Network
from runtime.network.reference import scores


def every_form(kind: str) -> list[Network]:
    trained = float_network((20, 12, 4), kind)
    frozen = freeze(trained)
    samples = np.random.default_rng(0).integers(0, 256, (50, 20)).astype(np.uint8)
    return [trained, frozen, quantise(frozen, samples)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_file_round_trip_keeps_every_bit(kind: str) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (30, 20)).astype(np.uint8)
    for network in every_form(kind):
        content = to_bytes(network)
        again = from_bytes(content)
        assert to_bytes(again) == content
        assert np.array_equal(scores(network, samples), scores(again, samples))
        for layer, read in zip(network.layers, again.layers, strict=True):
            assert {name: (a.dtype, a.shape) for name, a in layer.arrays.items()} == {name: (a.dtype, a.shape) for name, a in read.arrays.items()}


def test_saved_file_is_found_in_its_folder(tmp_path: Path) -> None:
    network = integer_network()
    save(network, tmp_path / "network.safetensors")
    assert to_bytes(load(tmp_path)) == to_bytes(network)
    assert [path.name for path in tmp_path.iterdir()] == ["network.safetensors"]


@pytest.mark.parametrize("cut", [0, 7, 8, 100, -1])
def test_truncated_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(to_bytes(integer_network())[:cut])
    with pytest.raises(InputError, match=r"network\.safetensors.* is not a nearwire network"):
        load(path)


def test_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no network file at .*zoo:NAME"):
        load(tmp_path / "nothing.safetensors")


def change_header(network: Network, **changes: object) -> bytes:
    content = to_bytes(network)
    size = int.from_bytes(content[:8], "little")
    outer = json.loads(content[8 : 8 + size])
    header = json.loads(outer["__metadata__"]["nearwire"])
    header.update(changes)
    outer["__metadata__"]["nearwire"] = json.dumps(header)
    text = json.dumps(outer).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 99}, "schema 99"),
        ({"stage": "frozn"}, "Did you mean 'frozen'"),
        ({"layers": []}, "'layers' of the header is \\[\\]; allowed: a list of 1 to"),
        ({"classes": ["a"]}, "1 class names for 4 outputs"),
        ({"layers": None}, "'layers' of the header is None"),
        ({"input": {"shape": [21], "scale": 1.0, "zero_point": 0, "cut": 0}}, "reads 20 values, but 21 arrive"),
        ({"input": {"shape": [20], "scale": 1.0, "zero_point": 9, "cut": 4}}, "a cut needs zero point 0"),
        (
            {"input": {"shape": [20], "scale": 0.0, "zero_point": 0, "cut": 0}},
            "field 'scale' of field 'input' of the header is 0.0; allowed: a number",
        ),
    ],
)
def test_inconsistent_header_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_bytes(change_header(integer_network(), **changes))


def test_wrong_arrays_are_refused_by_name() -> None:
    network = float_network()
    layer = network.layers[0]

    def with_layer(**arrays: np.ndarray) -> Network:
        return network.with_layers((layer.with_arrays(**arrays), *network.layers[1:]))

    with pytest.raises(InputError, match=r"'layer0': array 'weight' has shape \(3, 3\)"):
        validate(with_layer(weight=np.zeros((3, 3), np.float32)))
    with pytest.raises(InputError, match="array 'bias' is float64; it must be float32"):
        validate(with_layer(bias=np.zeros(12)))
    with pytest.raises(InputError, match="NaN or infinity"):
        validate(with_layer(bias=np.full(12, np.nan, np.float32)))
    with pytest.raises(InputError, match=r"unknown arrays \['extra'\]"):
        validate(with_layer(extra=np.zeros(1)))
    with pytest.raises(InputError, match=r"unknown kind of layer 'layer0' in network 'dens'.* Did you mean 'dense'"):
        validate(network.with_layers((replace(layer, kind="dens"), *network.layers[1:])))


def test_tied_layers_must_share_positions() -> None:
    network = float_network(kind="spatial")
    moved = network.layers[1].with_arrays(sender=network.layers[1].arrays["sender"] + np.float32(1))
    with pytest.raises(InputError, match="tied to 'layer0'"):
        validate(network.with_layers((network.layers[0], moved)))


def test_weights_beyond_the_law_are_refused() -> None:
    network = integer_network()
    weight = network.layers[0].arrays["weight"].copy()
    weight[0, 0] = 64
    with pytest.raises(InputError, match=r"a weight is outside -63\.\.63"):
        validate(network.with_layers((network.layers[0].with_arrays(weight=weight), network.layers[1])))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_layer_keeps_its_integer_matrix_and_a_changed_copy_makes_its_own(kind: str) -> None:
    layer = every_form(kind)[2].layers[0]
    weights = KINDS[kind].integer_weights(layer)
    assert KINDS[kind].integer_weights(layer) is weights
    names = [name for name in ("weight", "table", "charge") if name in layer.arrays]
    assert names
    changed = layer.with_arrays(**{name: np.zeros_like(layer.arrays[name]) for name in names})
    assert weights.any()
    assert not KINDS[kind].integer_weights(changed).any()
