"""The backends' entries: plain data that loads nothing, and true of the backends that they name."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import spiking_integers, spiking_network
from compile.emit.c import steady as c
from compile.emit.onnx import steady as onnx
from compile.emit.tflite import steady as tflite
from devices.errors import InputError
from runtime.backends import BACKENDS, backend
from runtime.backends.registry import COMPUTER, CORE, PROFILE, RUN, default_for, entry_of, library_names, tells_spikes
from runtime.backends.stepping import SpikingSession
from runtime.network.spiking import integers
from tests.support.needs import needs


def test_entries_load_nothing() -> None:
    libraries = {"onnxruntime", "ai_edge_litert", "tflite_runtime", "unicorn", "pydantic"}
    code = f"import sys, runtime.backends; print(sorted({libraries} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_agent_needs_no_more_than_it_says() -> None:
    """It runs on boards with numpy, safetensors and one backend's library."""
    more = {"pydantic", "typer", "rich", "onnxruntime", "flatbuffers", "onnx", "jinja2", "torch"}
    code = f"import sys, runtime.commands.agent; print(sorted({more} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("name", BACKENDS)
def test_every_entry_names_its_backend_and_its_libraries(name: str) -> None:
    assert backend(name).name == name
    for library in BACKENDS[name].libraries:
        assert backend(library).name == name
        assert entry_of(library) is BACKENDS[name]
    if not BACKENDS[name].libraries:
        with pytest.raises(InputError, match="no choice of libraries"):
            backend(name).with_library("litert")


def test_every_purpose_has_one_default() -> None:
    assert [default_for(purpose) for purpose in (COMPUTER, CORE, RUN, PROFILE)] == ["c", "firmware", "reference", "firmware"]
    assert all(sum(purpose in entry.default_for for entry in BACKENDS.values()) == 1 for purpose in (COMPUTER, CORE, RUN, PROFILE))


@pytest.mark.parametrize("name", [*BACKENDS, *library_names()])
def test_what_an_entry_says_of_spiking_networks_is_so(name: str, tmp_path: Path) -> None:
    needs(backend(name).missing())
    network = spiking_integers(spiking_network("dense", (20, 12, 4)))
    stores = ("dense_s8", "events_s8")
    network = network.with_layers(tuple(replace(layer, store=store) for layer, store in zip(network.layers, stores, strict=True)), "stored")
    for emit in (c.emit, onnx.emit, tflite.emit):
        emit(network, tmp_path)
    samples = np.random.default_rng(0).integers(0, 256, (5, 20)).astype(np.uint8)
    with backend(name).open(tmp_path, network) as session:
        assert isinstance(session, SpikingSession) == entry_of(name).steps
        assert session.tells_spikes == (entry_of(name).spikes is not None)
        assert entry_of(name).name in tells_spikes()
        for layer, law in zip(session.spikes(samples), integers.run(network, samples).spikes, strict=True):
            np.testing.assert_array_equal(layer, law)
