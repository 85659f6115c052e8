"""Verify finds a single wrong weight in a file and says where; it never passes over a backend silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import float_network, integer_network
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from compile.proof.verify import Known, require, verify
from devices.errors import CheckError, InputError
from runtime.backends import backend
from runtime.backends.tflite.steady import LIBRARIES, VARIABLE, TfliteBackend
from runtime.network import reference
from runtime.network.network import Network
from tests.support.needs import needs

BACKENDS = ("reference", "onnxruntime", "tflite")
FILES = {"onnxruntime": "model.onnx", "tflite": "model.tflite"}


@pytest.fixture(scope="module")
def network() -> Network:
    return integer_network((40, 24, 5), seed=1, zero_point=5)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 40)).astype(np.uint8)


@pytest.fixture
def folder(network: Network, tmp_path: Path) -> Path:
    onnx.emit(network, tmp_path)
    tflite.emit(network, tmp_path)
    return tmp_path


def test_every_backend_is_exact_on_every_sample(folder: Path, network: Network, samples: np.ndarray) -> None:
    said: list[str] = []
    parities = verify(folder, network, samples, BACKENDS, {"tflite": 7}, said.append)
    require(parities)
    assert list(parities) == list(BACKENDS)
    assert {name: p.samples for name, p in parities.items()} == {"reference": 50, "onnxruntime": 50, "tflite": 7}
    assert all(p.exact and p.label_mismatches == 0 and p.first is None and p.detail for p in parities.values())
    assert said == ["reference: 50 samples", "onnxruntime: 50 samples", "tflite: 7 samples"]


@pytest.mark.parametrize("where", ["hidden", "last"])
@pytest.mark.parametrize(("name", "library"), [("onnxruntime", ""), *(("tflite", library) for library in LIBRARIES)])
def test_one_flipped_bit_of_one_weight_fails(
    folder: Path, network: Network, samples: np.ndarray, name: str, library: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library:
        monkeypatch.setenv(VARIABLE, library)
        needs(TfliteBackend().missing())
    layer = network.layers[0 if where == "hidden" else 1]
    weights = layer.arrays["weight"]
    if name == "onnxruntime" and where == "last":
        weights = weights.T
    if name == "tflite" and where == "hidden":
        weights = 2 * weights
    path = folder / FILES[name]
    content = bytearray(path.read_bytes())
    start = bytes(content).index(weights.astype(np.int8).tobytes())
    hidden = reference.trace(network, samples)[0]
    live = int(np.flatnonzero(((hidden > 20) & (hidden < 235)).any(axis=0) if where == "hidden" else (hidden > 0).any(axis=0))[0])
    content[start + (live if where == "last" and name == "tflite" else live * weights.shape[1])] ^= 0x10
    path.write_bytes(content)

    parities = verify(folder, network, samples, ("reference", name))
    found = parities[name]
    assert parities["reference"].exact
    assert not found.exact
    assert found.first is not None
    assert found.first.expected == tuple(reference.scores(network, samples)[found.first.sample])
    assert found.first.expected != found.first.found
    assert found.wrong_samples > 0
    with pytest.raises(CheckError, match=rf"backend '{name}' .* sample {found.first.sample}: output \d: expected -?\d+, got -?\d+"):
        require(parities)


def test_a_missing_backend_is_reported_and_an_error_in_ci(
    folder: Path, network: Network, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(backend("onnxruntime")), "missing", lambda self: "it was never installed")
    parities = verify(folder, network, samples, ("reference", "onnxruntime"))
    assert (parities["onnxruntime"].missing, parities["onnxruntime"].samples, parities["onnxruntime"].exact) == ("it was never installed", 0, False)
    monkeypatch.delenv("CI", raising=False)
    require(parities)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(CheckError, match="backend 'onnxruntime' was not verified: it was never installed"):
        require(parities)


def test_nothing_to_compare_is_an_input_error(folder: Path, network: Network, samples: np.ndarray) -> None:
    with pytest.raises(InputError, match="no sample to verify with"):
        verify(folder, network, samples[:0], BACKENDS)
    with pytest.raises(InputError, match="stage 'trained' has no integer scores"):
        verify(folder, float_network((40, 24, 5)), samples, BACKENDS)
    with pytest.raises(InputError, match="Did you mean 'onnxruntime'"):
        verify(folder, network, samples, ("onnx-runtime",))


def test_scores_that_the_caller_has_are_not_computed_again(folder: Path, network: Network, samples: np.ndarray) -> None:
    expected = reference.scores(network, samples)
    assert all(parity.exact for parity in verify(folder, network, samples, ["onnxruntime"], known=Known(expected)).values())
    expected[3, 0] += 1
    first = verify(folder, network, samples, ["onnxruntime"], known=Known(expected))["onnxruntime"].first
    assert first is not None
    assert first.sample == 3
