"""Headers of network files that are damaged or hostile: one error that names the file and the field, before anything is computed or allocated."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from bench.support.networks import box_network, float_network, replicated_network, spatial_network, spiking_integers, spiking_network
from devices.errors import InputError
from runtime.network.file import from_bytes, to_bytes
from runtime.network.kinds import KINDS, kind_of
from runtime.network.kinds.boxes import inside, spread, summed
from runtime.network.network import Network
from runtime.network.schema import WEIGHTS_MAX

NETWORKS: dict[str, Network] = {
    **{f"float {kind}": float_network((20, 12, 4), kind) for kind in sorted(KINDS)},
    "boxes": box_network(),
    "replicated": replicated_network(),
    "spatial": spatial_network(cut_share=0.2),
    "spiking": spiking_network("field"),
    "spiking integers": spiking_integers(spiking_network("spatial")),
}
CONTENTS = {name: to_bytes(network) for name, network in NETWORKS.items()}
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
) | st.sampled_from((10**400, 1e308, 5e-324, [65536, 128], [-8, -8], "ab", "\x1b[31m", "a\0b"))


def changed(content: bytes, change: Callable[[dict[str, Any]], object], arrays: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """The file with its header, and its arrays, changed in place."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["nearwire"])
    tensors = load(content)
    change(header)
    arrays(tensors)
    return save(tensors, {"nearwire": json.dumps(header)})


def with_metadata(text: str) -> bytes:
    return save(load(CONTENTS["boxes"]), {"nearwire": text})


def option(name: str, value: object, layer: int = 0) -> Callable[[dict[str, Any]], object]:
    return lambda header: header["layers"][layer]["options"].update({name: value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "schema"),
        ("[" * 200_000, "nested too deeply"),
        ("5", "schema 5"),
        ('{"schema": 1, "schema": 1}', "twice"),
        ('{"schema": ' + "1" * 4300 + "}", "schema a number of"),
        ('{"schema": ' + "1" * 4301 + "}", "digits"),
        ('{"schema": NaN}', "NaN"),
        (r'{"schema": "\ud800"}', "surrogates"),
    ],
)
def test_metadata_that_is_no_header(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"'a file'.*{words}"):
        from_bytes(with_metadata(text), "'a file'")


CASES: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (option("grid", "ab"), "option 'grid' is 'ab'; allowed: a list of 2, each a whole number 1 to 65535"),
    (option("grid", [65536, 128]), "option 'grid' is [65536, 128]"),
    (option("grid", [True, 64]), "option 'grid'"),
    (option("channels", 0), "option 'channels' is 0; allowed: a whole number 1 to 256"),
    (option("channels", 257), "option 'channels' is 257"),
    (option("channels", 2), "a grid of 2 x 8 x 8 cells has 128 values"),
    (option("rule", "boks"), "Did you mean 'box'"),
    (option("rule", ["box"]), "option 'rule' is ['box']"),
    (option("activity", 1e308), "option 'activity' is 1e+308; allowed: a number 0 to 1"),
    (option("output_scale", 0), "option 'output_scale' is 0"),
    (option("nothing", 1), "has the unknown option 'nothing'"),
    (lambda h: h["layers"][0]["options"].pop("grid"), "lacks the options ['grid']"),
    (lambda h: h.update(provenance=5), "field 'provenance' of the header is 5; allowed: an object"),
    (lambda h: h.update(classes=["a", "a", "b", "c", "d"]), "'a' stands there twice"),
    (lambda h: h.update(classes=["a\0", "1", "b", "c", "d"]), "control characters"),
    (lambda h: h.update(classes="abcde"), "field 'classes' of the header is 'abcde'"),
    (lambda h: h["input"].update(shape=[-8, -8]), "field 'shape' of field 'input' of the header is [-8, -8]"),
    (lambda h: h["input"].update(shape=[2**24, 2**24]), "at most 16,777,216"),
    (lambda h: h["input"].update(scale=1e-40), "field 'scale'"),
    (lambda h: h["layers"][0].update(inputs=64.0), "field 'inputs' of entry 0 of field 'layers' of the header is 64.0"),
    (lambda h: h["layers"][0].update(outputs=10**30), "field 'outputs' of entry 0"),
    (lambda h: h["layers"][0].update(kind="feild"), "Did you mean 'field'"),
    (lambda h: h["layers"][0].update(more=1), "has 'more', which nobody knows"),
    (lambda h: h["layers"][0]["arrays"].remove("charge"), "holds the array 'layer0/charge', which no layer names"),
    (lambda h: h["layers"][0]["arrays"].append("weights"), "names the array 'weights', which the file does not hold"),
    (lambda h: h.update(spiking=5), "field 'spiking' of the header is 5"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CASES)
def test_a_field_that_is_wrong_is_named(change: Callable[[dict[str, Any]], object], words: str) -> None:
    with pytest.raises(InputError, match=f".*{re.escape(words)}") as caught:
        from_bytes(changed(CONTENTS["boxes"], change), "'a file'")
    assert "'a file'" in str(caught.value)


ARRAYS: list[tuple[str, str, Callable[[np.ndarray], object], str]] = [
    ("float field", "layer0/charge", lambda a: a.fill(np.nan), "array 'charge' holds NaN"),
    ("float field", "layer0/reach", lambda a: a.fill(-1), "a reach is not above 0"),
    ("float dense", "layer0/weight", lambda a: a.fill(1e30), "array 'weight' holds 1e+30"),
    ("boxes", "layer0/edges", lambda a: a.fill(200), "box edges"),
    ("boxes", "layer0/charge", lambda a: a.fill(127), "layer0"),
    ("boxes", "layer0/shift", lambda a: a.fill(0), "shifts 0..0"),
    ("spatial", "layer0/sender", lambda a: a.__setitem__(slice(0, 2), [[32767], [-32768]]), "squared steps apart"),
    ("spatial", "layer0/table", lambda a: a.fill(-128), "a weight is outside"),
    ("spatial", "layer0/sign", lambda a: a.fill(0), "other than +1 and -1"),
]


@pytest.mark.parametrize(("name", "array", "change", "words"), ARRAYS)
def test_arrays_whose_numbers_are_of_no_use(name: str, array: str, change: Callable[[np.ndarray], object], words: str) -> None:
    def write(tensors: dict[str, np.ndarray]) -> None:
        tensors[array] = tensors[array].copy()
        change(tensors[array])

    with pytest.raises(InputError, match=f"'a file'.*{re.escape(words)}"):
        from_bytes(changed(CONTENTS[name], lambda _: None, write), "'a file'")


def test_a_channel_that_is_not_there() -> None:
    content = to_bytes(replicated_network(channels=3))

    def write(tensors: dict[str, np.ndarray]) -> None:
        tensors["layer0/channel"] = np.full_like(tensors["layer0/channel"], 3)

    with pytest.raises(InputError, match="'a file'.*reads channel 3 of 3"):
        from_bytes(changed(content, lambda _: None, write), "'a file'")


@pytest.mark.parametrize("name", sorted(CONTENTS))
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_value_in_any_field_is_refused_or_keeps_its_sense(name: str, data: st.DataObject) -> None:
    def change(header: dict[str, Any]) -> None:
        holders = [header, header["input"], header.get("spiking", header), *header["layers"], *(entry["options"] for entry in header["layers"])]
        holder = data.draw(st.sampled_from([one for one in holders if one]))
        key = data.draw(st.sampled_from(sorted(holder)))
        if data.draw(st.integers(0, 4)):
            holder[key] = data.draw(ODD)
        else:
            del holder[key]

    content = changed(CONTENTS[name], change)
    try:
        read = from_bytes(content, "'a file'")
    except InputError as error:
        text = str(error)
        assert "'a file'" in text
        assert text.isprintable()
    else:
        assert to_bytes(from_bytes(to_bytes(read))) == to_bytes(read)


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_option_of_a_kind_has_a_unit_and_says_what_is_allowed(kind: str, integer: bool) -> None:
    for name, spec in (KINDS[kind].integer_options if integer else KINDS[kind].float_options).items():
        assert spec.unit, name
        assert spec.value.allowed, name
        assert not spec.value.holds("no such word")
        assert not spec.value.holds({})


def test_a_small_file_that_stands_for_a_large_matrix_is_refused_at_once() -> None:
    def large(header: dict[str, Any]) -> None:
        header["input"]["shape"] = [256, 255, 255]
        header["layers"][0].update(inputs=256 * 255 * 255)
        header["layers"][0]["options"].update(grid=[255, 255], channels=256)

    content = changed(CONTENTS["boxes"], large)
    assert len(content) < 4000
    tracemalloc.start()
    with pytest.raises(
        InputError, match=rf"stands for 199,756,800 weights|stands for [0-9,]+ weights; at most {WEIGHTS_MAX:,}|lacks the array 'channel'"
    ):
        from_bytes(content)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_running_sums_are_the_sums_over_every_cell(n: int, synapses: int, channels: int, height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, (height + 1, width + 1), (n, synapses, 2))
    edges = np.concatenate([low, np.minimum(low + rng.integers(0, 5, low.shape), (height, width))], axis=2).astype(np.uint8)
    charge = rng.integers(-128, 128, (n, synapses)).astype(np.int8)
    channel = rng.integers(0, channels, (n, synapses)).astype(np.uint8) if channels > 1 else None
    wanted = spread(charge, channel, channels, inside(edges, (height, width)))
    assert np.array_equal(summed(charge, channel, channels, edges, (height, width)), wanted)


@pytest.mark.parametrize("name", ["boxes", "replicated", "spatial", "spiking integers"])
def test_tiles_are_the_rows_of_the_matrix(name: str) -> None:
    for layer in NETWORKS[name].layers:
        kind = kind_of(layer)
        matrix = kind.integer_weights(layer)
        assert np.array_equal(np.concatenate([*kind.integer_tiles(layer)]), matrix)
        assert kind.largest_weight(layer) >= int(np.abs(matrix.astype(int)).max())
