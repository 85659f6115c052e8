"""The spine's promises on MNIST: accuracy, loss to int8, and equality of every backend over all 10,000 test images."""

from __future__ import annotations

import pytest

from runtime.builds.manifest import Manifest
from tests.support.builds import Zoo
from tests.support.needs import needs_records


@pytest.fixture(scope="module")
def manifest(zoo: Zoo) -> Manifest:
    return zoo.manifest("mnist-spatial")


def test_accuracy_and_its_loss(manifest: Manifest) -> None:
    assert manifest.accuracy.samples == 10_000
    assert manifest.accuracy.quantised >= 0.93
    assert manifest.accuracy.float_ - manifest.accuracy.quantised <= 0.003


@pytest.mark.parametrize(("backend", "samples"), [("c", 10_000), ("onnxruntime", 10_000), ("tflite", 10_000), ("firmware", 1000)])
def test_scores_are_equal(manifest: Manifest, backend: str, samples: int) -> None:
    needs_records({backend: manifest.parity[backend]})
    record = manifest.parity[backend]
    assert record is not None
    assert (record.samples, record.label_mismatches, record.max_abs_difference) == (samples, 0, 0)
