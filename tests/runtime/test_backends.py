"""Every backend that executes a file of the build: right scores, usable figures, one clear error for a bad file or a missing library."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import float_network, integer_network
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from devices.errors import InputError, NearwireError
from runtime.backends import Backend, backend
from runtime.backends.onnx.steady import OnnxRuntimeBackend
from runtime.backends.reference import ReferenceBackend
from runtime.backends.tflite import profiler as litert_profiler
from runtime.backends.tflite import steady as tflite_backend
from runtime.backends.tflite.steady import LIBRARIES, TfliteBackend
from runtime.backends.timing import steady_mean
from runtime.network import reference
from runtime.network.network import Network
from tests.support.needs import needs
from tests.support.strategies import spatial_network

CHOICES = {
    "reference": ReferenceBackend(),
    "onnxruntime": OnnxRuntimeBackend(),
    "onnxruntime-2-threads": OnnxRuntimeBackend(threads=2),
    **{name: TfliteBackend(name) for name in LIBRARIES},
}
FILES = {"onnxruntime": "model.onnx", **dict.fromkeys(LIBRARIES, "model.tflite")}


def usable(name: str) -> Backend:
    needs(CHOICES[name].missing())
    return CHOICES[name]


@pytest.fixture(params=list(CHOICES))
def chosen(request: pytest.FixtureRequest) -> Backend:
    return usable(request.param)


@pytest.fixture(params=list(FILES))
def with_file(request: pytest.FixtureRequest) -> tuple[Backend, str]:
    return usable(request.param), FILES[request.param]


@pytest.fixture(scope="module")
def network() -> Network:
    return integer_network((30, 20, 11, 4), seed=2, zero_point=17)


@pytest.fixture
def folder(network: Network, tmp_path: Path) -> Path:
    onnx.emit(network, tmp_path)
    tflite.emit(network, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1100, 30)).astype(np.uint8)


def test_scores_are_int32_and_the_references(chosen: Backend, folder: Path, network: Network, samples: np.ndarray) -> None:
    with chosen.open(folder, network) as session:
        found = session.scores(samples)
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, reference.scores(network, samples))
        assert session.scores(samples[:0]).shape == (0, 4)
        np.testing.assert_array_equal(session.scores(samples[::2][:5]), found[::2][:5])
        assert session.detail
        assert session.instructions(samples[:1]) is None


def test_times_are_one_positive_number_a_run(chosen: Backend, folder: Path, network: Network, samples: np.ndarray) -> None:
    with chosen.open(folder, network) as session:
        ns = session.time_ns(samples[0], 25)
        assert ns is not None
        assert ns.shape == (25,)
        assert ns.dtype == np.int64
        assert ns.min() > 0
        np.testing.assert_array_equal(session.scores(samples[:3]), reference.scores(network, samples[:3]))


def test_layer_figures_name_the_layers_in_order(chosen: Backend, folder: Path, network: Network, samples: np.ndarray) -> None:
    with chosen.open(folder, network) as session:
        figures = session.layers(samples[:3])
    if chosen is CHOICES["litert"]:
        return  # it names operators, not layers: the test below
    text = " ".join(figure.name for figure in figures)
    assert [text.index(layer.name) for layer in network.layers] == sorted(text.index(layer.name) for layer in network.layers)
    assert all(figure.time_us is not None and figure.time_us >= 0 for figure in figures)


def test_litert_profiles_every_operator(folder: Path, network: Network, samples: np.ndarray) -> None:
    with usable("litert").open(folder, network) as session:
        figures = session.layers(samples[:2])
    assert sum("Fully Connected" in figure.note for figure in figures) == len(network.layers) - 1  # the last layer is no GEMM
    assert sum(figure.time_us or 0 for figure in figures) > 0


def test_litert_without_its_profiler_is_one_row_that_says_why(
    folder: Path, network: Network, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = usable("litert")
    monkeypatch.setattr(litert_profiler.sys, "executable", "/nowhere/python")
    with chosen.open(folder, network) as session:
        (figure,) = session.layers(samples[:1])
    assert figure.note.startswith("the whole model: LiteRT's profiler could not be run")
    with pytest.raises(NearwireError, match="another form"):
        litert_profiler.parse("a summary of a later version")


def test_a_steady_mean_leaves_out_interrupted_runs() -> None:
    assert steady_mean(np.array([4, 2, 3, 3, 3, 3, 3, 3, 3, 900])) == 3.0
    assert steady_mean(np.array([7])) == 7.0


def test_wrong_samples_are_refused(chosen: Backend, folder: Path, network: Network) -> None:
    with chosen.open(folder, network) as session:
        with pytest.raises(InputError, match=r"samples have shape \(2, 29\)"):
            session.scores(np.zeros((2, 29), np.uint8))
        with pytest.raises(InputError, match="samples are float32"):
            session.scores(np.zeros((2, 30), np.float32))


def test_the_reference_decodes_every_kind_and_needs_integers(tmp_path: Path) -> None:
    network = spatial_network()
    inputs = np.random.default_rng(1).integers(0, 256, (9, 30)).astype(np.uint8)
    with backend("reference").open(tmp_path, network) as session:
        np.testing.assert_array_equal(session.scores(inputs), reference.scores(network, inputs))
    with pytest.raises(InputError, match="stage 'trained'"):
        backend("reference").open(tmp_path, float_network())


def test_a_missing_or_empty_file_is_named(with_file: tuple[Backend, str], folder: Path, network: Network) -> None:
    chosen, name = with_file
    (folder / name).write_bytes(b"")
    with pytest.raises(InputError, match=rf"{name}' is empty"):
        chosen.open(folder, network)
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"{name}' cannot be read: No such file"):
        chosen.open(folder, network)


@pytest.mark.parametrize("damage", ["half", "head", "noise", "other format"])
def test_a_damaged_file_is_an_error_and_never_a_crash(with_file: tuple[Backend, str], folder: Path, network: Network, damage: str) -> None:
    chosen, name = with_file
    content = bytearray((folder / name).read_bytes())
    if damage == "half":
        content = content[: len(content) // 2]
    elif damage == "head":
        content = content[:100]
    elif damage == "noise":
        rng = np.random.default_rng(1)
        for at in rng.integers(8, 400, 60):
            content[at] = rng.integers(256)
    else:
        content = bytearray(b"not a model at all, but a text" * 30)
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}' is damaged or foreign"):
        chosen.open(folder, network)


def test_the_file_of_another_network_is_refused(with_file: tuple[Backend, str], folder: Path) -> None:
    chosen, name = with_file
    with pytest.raises(InputError, match=rf"{name}' is damaged or foreign: it reads and returns .*30.* the build's network .*31"):
        chosen.open(folder, integer_network((31, 20, 11, 4)))


def test_a_file_the_manifest_does_not_vouch_for_is_refused(with_file: tuple[Backend, str], folder: Path, network: Network) -> None:
    chosen, name = with_file
    (folder / "manifest.json").write_text(json.dumps({"files": {name: {"sha256": "0" * 64, "bytes": 1}}}))
    with pytest.raises(InputError, match=rf"{name}' was changed after the build was made"):
        chosen.open(folder, network)


class TestChoosingATfliteLibrary:
    @pytest.fixture(autouse=True)
    def fresh(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.delenv(tflite_backend.VARIABLE, raising=False)
        cached = tflite_backend._fault
        cached.cache_clear()
        yield
        cached.cache_clear()

    @pytest.mark.parametrize("name", list(LIBRARIES))
    def test_the_environment_chooses(self, name: str, folder: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        usable(name)
        monkeypatch.setenv(tflite_backend.VARIABLE, name)
        with backend("tflite").open(folder, network) as session:
            assert session.detail.startswith(name)

    def test_litert_is_the_default_where_it_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tflite_backend, "_fault", {"litert": None, "tflite-runtime": None}.get)
        assert TfliteBackend().choose()[0] == "litert"
        monkeypatch.setattr(tflite_backend, "_fault", {"litert": "gone", "tflite-runtime": None}.get)
        assert TfliteBackend().choose()[0] == "tflite-runtime"

    def test_an_unknown_name_suggests_the_nearest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(tflite_backend.VARIABLE, "lite-rt")
        with pytest.raises(InputError, match="NEARWIRE_TFLITE.*Did you mean 'litert'"):
            TfliteBackend().missing()

    def test_nothing_installed_says_what_to_install(self, folder: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tflite_backend.importlib.util, "find_spec", lambda _: None)
        reason = TfliteBackend().missing()
        assert reason is not None
        assert "ai-edge-litert is not installed; tflite-runtime is not installed" in reason
        assert "pip install 'nearwire[tflite]'" in reason
        with pytest.raises(NearwireError, match="backend 'tflite' cannot work here: ai-edge-litert is not installed"):
            TfliteBackend().open(folder, network)

    def test_a_library_that_imports_but_fails_at_the_first_interpreter_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(module: str, content: bytes) -> None:
            raise SystemError("returned a result with an exception set")

        monkeypatch.setattr(tflite_backend.importlib.util, "find_spec", lambda _: True)
        monkeypatch.setattr(tflite_backend, "_interpreter", fails)
        reason = TfliteBackend("tflite-runtime").missing()
        assert reason is not None
        assert f"does not work with numpy {np.__version__} (SystemError" in reason
        assert "'numpy<2'" in reason


def test_onnxruntime_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.backends.onnx.steady.importlib.util.find_spec", lambda _: None)
    reason = OnnxRuntimeBackend().missing()
    assert reason is not None
    assert "pip install 'nearwire[onnx]'" in reason


def test_a_session_leaves_standard_error_clean_and_working(folder: Path) -> None:
    usable("litert")
    code = (
        "import sys, pathlib, numpy as np; from runtime.backends.tflite.steady import TfliteBackend; from bench.support.networks import integer_network\n"
        "session = TfliteBackend('litert').open(pathlib.Path(sys.argv[1]), integer_network((30, 20, 11, 4), seed=2, zero_point=17))\n"
        "session.scores(np.zeros((1, 30), np.uint8)); print('said afterwards', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stderr == "said afterwards\n"
