"""Every network of the zoo, compiled: what its file says of its accuracy is true, every backend agrees, and the rows keep their limits."""

from __future__ import annotations

import pytest

from runtime.builds.manifest import Manifest
from runtime.network.file import load
from runtime.zoo import names, resolve
from tests.support.builds import Zoo
from tests.support.needs import needs_records

# network: (accuracy of the integer network at least, bytes of constants at most, instructions on the emulated Cortex-M4 at most)
LIMITS = {
    "mnist-2k": (0.980, 2000, 13_000),
    "mnist-2k-4bit": (0.980, 2000, 13_000),
    "mnist-4k": (0.9885, 4600, 24_000),
    "mnist-6k": (0.990, 6300, 40_000),
    "mnist-9k": (0.9915, 8700, 42_000),
    "mnist-5k-conv": (0.992, 5100, 470_000),
    "mnist-6k-conv": (0.993, 6500, 500_000),
    "fashion-5k": (0.885, 4600, 24_000),
    "fashion-8k": (0.900, 8300, 300_000),
    "mnist-snn": (0.979, 3800, 20_000),
    "fashion-snn": (0.880, 7200, 36_000),
    "digits-snn": (0.970, 1100, 7_500),
    "mnist1d-2k": (0.940, 2500, 125_000),
    "signals-field": (0.998, 800, 4_000),
}


@pytest.fixture(scope="module", params=names())
def built(request: pytest.FixtureRequest, zoo: Zoo) -> tuple[str, Manifest]:
    return str(request.param), zoo.manifest(str(request.param))


def test_its_file_tells_the_truth(built: tuple[str, Manifest]) -> None:
    name, manifest = built
    past = load(resolve(f"zoo:{name}")).provenance
    assert past["recipe"] == name
    noted = float(past["test_accuracy"])
    quantised = any("step" in layer.arrays for layer in load(resolve(f"zoo:{name}")).layers)
    assert noted == pytest.approx(manifest.accuracy.quantised if quantised else manifest.accuracy.float_, abs=2e-4)


def test_every_backend_agrees(built: tuple[str, Manifest]) -> None:
    for record in filter(None, built[1].parity.values()):
        assert (record.label_mismatches, record.max_abs_difference) == (0, 0)
    needs_records(built[1].parity)


def test_predicted_instructions_are_near_the_count(built: tuple[str, Manifest]) -> None:
    for layer in built[1].layers:
        rel = 0.15 if layer.store == "coordinates_s8" else 0.1  # it skips inputs of zero, of which few test samples may have more than the rest
        assert layer.predicted_instructions == pytest.approx(layer.instructions, rel=rel)


@pytest.mark.parametrize("name", LIMITS)
def test_limits_name_networks_of_the_zoo(name: str) -> None:
    assert name in names()


def test_kernels_and_glue_are_small(built: tuple[str, Manifest]) -> None:
    assert built[1].size is not None
    assert built[1].size.code_bytes <= 3072


def test_rows_keep_their_limits(built: tuple[str, Manifest]) -> None:
    name, manifest = built
    accuracy, constants, instructions = LIMITS.get(name, (0.0, 10**9, 10**9))
    assert manifest.size is not None
    assert manifest.cost is not None
    assert manifest.accuracy.quantised >= accuracy
    assert manifest.size.constants_bytes <= constants
    assert manifest.cost.instructions <= instructions
