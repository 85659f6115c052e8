"""The spine's promises on MNIST: accuracy, loss to int8, and equality of every backend over all 10,000 test images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compile.pipeline.pipeline import CompileOptions, compile_network
from devices.errors import InputError
from runtime.builds.manifest import Manifest
from runtime.data.dataset import load_dataset
from runtime.zoo import resolve


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    try:
        load_dataset("mnist")
    except InputError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"MNIST is not here: {error}")
    options = CompileOptions(firmware_samples=1000)
    return compile_network(resolve("zoo:mnist-spatial"), Path(tmp_path_factory.mktemp("builds")) / "mnist", options)


def test_accuracy_and_its_loss(manifest: Manifest) -> None:
    assert manifest.accuracy.samples == 10_000
    assert manifest.accuracy.quantised >= 0.93
    assert manifest.accuracy.float_ - manifest.accuracy.quantised <= 0.003


@pytest.mark.parametrize(("backend", "samples"), [("c", 10_000), ("onnxruntime", 10_000), ("tflite", 10_000), ("firmware", 1000)])
def test_scores_are_equal(manifest: Manifest, backend: str, samples: int) -> None:
    record = manifest.parity[backend]
    assert record is not None
    assert (record.samples, record.label_mismatches, record.max_abs_difference) == (samples, 0, 0)
