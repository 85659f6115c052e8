"""runtime.load: one API for every backend, bytes or floats in, integers or floats out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import runtime
from devices.errors import InputError
from runtime.backends import BACKENDS
from runtime.builds.checked import open_build
from runtime.data.inputs import stored_samples
from runtime.network import reference
from tests.support.builds import Zoo


@pytest.fixture(scope="module")
def folder(zoo: Zoo) -> Path:
    return zoo.build("digits-field")


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_answers_alike(folder: Path, backend: str) -> None:
    build = open_build(folder)
    samples = stored_samples(folder, build.network)
    expected = reference.scores(build.network, samples)
    with runtime.load(folder, backend=backend) as session:
        assert session.input_shape == (8, 8)
        assert session.detail
        scores = session.run_batch(samples)
        assert scores.dtype == np.int32
        np.testing.assert_array_equal(scores, expected)
        np.testing.assert_array_equal(session.run_batch(samples.reshape(-1, 8, 8)), expected)
        np.testing.assert_array_equal(session.run(samples[1].reshape(8, 8)), expected[1])
        np.testing.assert_array_equal(session.run(samples[1].astype(int).tolist()), expected[1])
        assert session.run_batch(samples[:0]).shape == (0, 10)
        assert session.classify(samples[2]) == session.classes[expected[2].argmax()]
        rows = session.profile()
        assert sum(row.share for row in rows) == pytest.approx(1)
        assert session.profile(samples[:1])[0].name == rows[0].name


def test_floats_in_and_out(folder: Path) -> None:
    build = open_build(folder)
    samples = stored_samples(folder, build.network)
    expected = reference.scores(build.network, samples)
    with runtime.load(str(folder), "reference") as session:
        real = build.network.input.to_real(samples)
        scores = session.run_batch(real)
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, expected * build.manifest.output.scale, rtol=1e-6)
        np.testing.assert_array_equal(session.run_batch(real, output="integer"), expected)
        np.testing.assert_array_equal(session.run(samples[0], output="float"), scores[0])


def test_wrong_samples_and_names(folder: Path) -> None:
    with runtime.load(folder, "reference") as session:
        for wrong, message in [
            (np.zeros((2, 64), np.uint8), "Several samples: run_batch"),
            (np.zeros(63, np.uint8), r"the network reads \(8, 8\) or \(64,\)"),
            (np.full(64, np.nan), "NaN"),
            (np.full(64, 256), "bytes 0..255"),
            (np.full(64, "a"), "allowed: whole or real"),
        ]:
            with pytest.raises(InputError, match=message):
                session.run(wrong)
        with pytest.raises(InputError, match="Did you mean 'integer'"):
            session.run(np.zeros(64, np.uint8), output="integers")
    with pytest.raises(InputError, match="unknown backend 'onnx'"):
        runtime.load(folder, "onnx")


def test_a_board_needs_neither_torch_nor_the_other_backends(folder: Path) -> None:
    """In a Python where none of these can be imported, a build still loads and runs."""
    code = (
        "import sys\n"
        "for name in ('torch', 'onnx', 'onnxruntime', 'tflite_runtime', 'ai_edge_litert', 'sklearn', 'jinja2', 'flatbuffers', 'unicorn', 'elftools', 'typer', 'rich'):\n"
        "    sys.modules[name] = None\n"
        "import numpy as np, runtime\n"
        "for backend in ('reference', 'c'):\n"
        "    print(runtime.load(sys.argv[1], backend).classify(np.zeros(64, np.uint8)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    first, second = done.stdout.split()
    assert first == second
