"""What the options, the board and the output say is told before any work: no data set is loaded, nothing is computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from compile.pipeline.budget import Budgets
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.errors import InputError
from runtime.zoo import resolve

OPTIONS = CompileOptions()


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the data set was loaded")

    monkeypatch.setattr("compile.pipeline.pipeline.load_dataset", never)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"store": "csr_s9"}, "unknown storage format 'csr_s9'.* Did you mean 'csr_s8'"),
        ({"optimise": "flsh"}, "unknown objective 'flsh'.* Did you mean 'flash'"),
        ({"board": "emulated-cortex-m5"}, "unknown board 'emulated-cortex-m5'"),
        ({"packages": ("arduin",)}, "unknown .*'arduin'.* Did you mean 'arduino'"),
        ({"prune": 1.0}, "prune share is 1.0"),
        ({"prune_scope": "layers"}, "unknown prune scope 'layers'"),
        ({"prune_structure": "block8"}, "unknown prune structure 'block8'"),
        ({"bits": 1}, "--bits is 1; a coordinate has 2 to 16 bits"),
        ({"bits": 17}, "--bits is 17"),
        ({"board": "host", "budgets": Budgets(flash_bytes=8192)}, "--max-flash cannot be checked: 'host' is not an emulated core"),
        ({"board": "host", "budgets": Budgets(ram_bytes=1, instructions=1)}, "--max-ram, --max-instructions cannot be checked"),
        ({"budgets": Budgets(latency_us=500)}, "--max-latency cannot be checked: board 'emulated-cortex-m4' has no clock"),
    ],
)
def test_what_no_network_can_meet_is_refused_first(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        compile_network(resolve("zoo:digits-dense"), tmp_path / "never", replace(OPTIONS, **changes))
    assert not any(tmp_path.iterdir())


def test_an_output_that_cannot_be_written_is_refused_first() -> None:
    with pytest.raises(InputError, match=r"output '/proc/nowhere/build' cannot be written: .*'/proc'.* Give another folder with --out"):
        compile_network(resolve("zoo:digits-dense"), Path("/proc/nowhere/build"), OPTIONS)


def test_looking_whether_an_output_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="was loaded"):
        compile_network(resolve("zoo:digits-dense"), tmp_path / "a" / "b" / "build", OPTIONS)
    assert not any(tmp_path.iterdir())
