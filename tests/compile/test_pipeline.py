"""The whole compile, as a user runs it: a build that proves itself, identical bytes, and one clear error for every bad input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compile.pipeline.artifact import replacing
from compile.pipeline.budget import Budgets, parse_bytes, parse_time
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from devices.boards.board import load_board
from devices.errors import CheckError, InputError, NearwireError
from runtime.builds.checked import open_build
from runtime.builds.manifest import Manifest
from runtime.data.dataset import load_dataset
from runtime.network.network import Network
from runtime.network.reference import accuracy
from runtime.remote.sessions import open_session
from runtime.zoo import resolve
from tests.support.builds import Zoo
from tests.support.commands import run
from tests.support.needs import needs_records

ZOO = "zoo:digits-spatial"


@pytest.fixture(scope="module")
def built(zoo: Zoo) -> tuple[Path, Manifest]:
    return zoo.build("digits-spatial"), zoo.manifest("digits-spatial")


def test_build_keeps_accuracy_and_agrees_everywhere(built: tuple[Path, Manifest]) -> None:
    _, manifest = built
    assert manifest.accuracy.quantised >= 0.95
    assert manifest.accuracy.float_ - manifest.accuracy.quantised <= 0.01
    assert set(manifest.parity) == {"c", "onnxruntime", "tflite", "firmware"}
    for record in filter(None, manifest.parity.values()):
        assert (record.label_mismatches, record.max_abs_difference) == (0, 0)
    needs_records(manifest.parity)


def test_manifest_has_the_keys_others_rely_on(built: tuple[Path, Manifest]) -> None:
    raw = json.loads((built[0] / "manifest.json").read_text())
    assert {"schema", "tool_version", "network_sha256", "board", "accuracy", "parity", "size", "cost", "layers", "input", "output", "files"} <= set(
        raw
    )
    assert {"float", "pruned", "quantised", "samples"} <= set(raw["accuracy"])
    assert {"constants_bytes", "code_bytes", "flash_bytes", "ram_bytes"} <= set(raw["size"])
    assert {"core", "instructions"} <= set(raw["cost"])
    assert {"name", "kind", "shape", "parameters", "nonzeros", "store", "bytes", "instructions", "ledger"} <= set(raw["layers"][0])
    assert {"model.onnx", "model.tflite", "c/model.c", "c/nearwire.c", "network.safetensors", "test_data_set_0/input_0.pb"} <= set(raw["files"])


def test_two_compiles_are_byte_identical(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    again = tmp_path / "again"
    compile_network(resolve(ZOO), again, Zoo.options("digits-spatial"))
    for path in sorted(p for p in built[0].rglob("*") if p.is_file()):
        assert path.read_bytes() == (again / path.relative_to(built[0])).read_bytes(), path.name


def test_one_flipped_byte_in_any_file_is_found(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)
    open_build(copy)
    for name in built[1].files:
        content = bytearray((copy / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{Path(name).name}' was changed after the build"):
            open_build(copy)
        content[len(content) // 2] ^= 1
        (copy / name).write_bytes(content)
    (copy / "model.onnx").unlink()
    with pytest.raises(InputError, match="model.onnx' is missing"):
        open_build(copy)


def test_pruned_build_stores_sparse_layers_when_that_is_smaller(tmp_path: Path) -> None:
    for structure, store in (("none", "csr"), ("block4", "block4_s8")):
        options = CompileOptions(prune=0.9, prune_structure=structure, optimise="latency", firmware_samples=20)
        manifest = compile_network(resolve("zoo:digits-dense"), tmp_path / structure, options)
        assert manifest.layers[0].nonzeros / np.prod(manifest.layers[0].shape) == pytest.approx(0.1, abs=0.02)
        assert manifest.layers[0].store.startswith(store)
        assert manifest.accuracy.pruned < manifest.accuracy.frozen


@pytest.mark.parametrize(("name", "share", "runs"), [("digits-dense", 0.0, 1), ("digits-dense", 0.5, 2), ("digits-spatial", 0.0, 2)])
def test_steps_that_change_nothing_are_not_measured_again(
    name: str, share: float, runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def counted(network: Network, samples: np.ndarray, truth: np.ndarray) -> float:
        measured.append(network.stage)
        return accuracy(network, samples, truth)

    monkeypatch.setattr("compile.pipeline.pipeline.measure_accuracy", counted)
    with pytest.raises(CheckError, match="the budget is 1"):
        compile_network(resolve(f"zoo:{name}"), tmp_path / "never", CompileOptions(prune=share, budgets=Budgets(accuracy=1.0)))
    assert len(measured) == runs


def test_budgets_refuse_with_the_layer_to_blame(tmp_path: Path) -> None:
    out = tmp_path / "small"
    dense = CompileOptions(store="dense_s8")
    for budgets, text in (
        (
            Budgets(flash_bytes=8192),
            r"needs 20\d{3} bytes of flash for its constants alone, the budget is 8192; layer 'layer0' \(dense_s8\) takes 17\d{3} of",
        ),
        (Budgets(flash_bytes=21000), r"needs 21\d{3} bytes of flash, on 'emulated-cortex-m4', the budget is 21000; layer 'layer0'"),
        (Budgets(ram_bytes=200), r"needs 256 bytes of RAM without its stack, the budget is 200; values between layers.* takes? 256 of"),
        (Budgets(ram_bytes=300), r"needs 4\d\d bytes of RAM, on 'emulated-cortex-m4', the budget is 300"),
        (Budgets(instructions=20000), r"needs \d+ instructions an inference, .*the budget is 20000; layer 'layer0' \(dense_s8\) takes \d+ of"),
    ):
        with pytest.raises(CheckError, match=text):
            compile_network(resolve(ZOO), out, replace(dense, budgets=budgets))
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(CheckError, match="the budget is 0.9999"):
        compile_network(resolve(ZOO), out, CompileOptions(budgets=Budgets(accuracy=0.9999)))


def test_a_board_that_is_too_small_is_refused_with_the_layer_to_blame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_board("emulated-cortex-m4")
    assert whole.memory
    for field, size, text in (
        ("flash_bytes", 20000, r"constants alone, board 'emulated-cortex-m4' has 20000; layer 'layer0'"),
        ("flash_bytes", 21000, r"bytes of flash, board 'emulated-cortex-m4' has 21000; layer 'layer0' .* Prune more"),
        ("ram_bytes", 300, r"bytes of RAM .* board 'emulated-cortex-m4' has 300; values between layers"),
    ):
        small = whole.model_copy(update={"memory": whole.memory.model_copy(update={field: size})})
        monkeypatch.setattr("compile.pipeline.pipeline.load_board", lambda _, board=small: board)
        monkeypatch.setattr("runtime.backends.firmware.backend.load_board", lambda _, board=small: board)
        with pytest.raises(CheckError, match=text):
            compile_network(resolve(ZOO), tmp_path / "small", CompileOptions(store="dense_s8"))
    assert list(tmp_path.iterdir()) == []


def test_foreign_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a build of ours"):
        compile_network(resolve(ZOO), tmp_path, CompileOptions())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_failed_build_leaves_the_old_one(built: tuple[Path, Manifest], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)

    def fail() -> None:
        with replacing(copy) as work:
            (work / "half.txt").write_text("half")
            raise NearwireError("killed")

    with pytest.raises(NearwireError, match="killed"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    open_build(copy)


@pytest.mark.parametrize(("text", "value"), [("600", 600), ("8k", 8192), ("1M", 1 << 20), (None, None)])
def test_byte_sizes(text: str | None, value: int | None) -> None:
    assert parse_bytes(text, "--max-flash") == value


@pytest.mark.parametrize(("text", "value"), [("900us", 900.0), ("2.5ms", 2500.0), ("1s", 1e6), (None, None)])
def test_times(text: str | None, value: float | None) -> None:
    assert parse_time(text, "--max-latency") == value


@pytest.mark.parametrize("text", ["", "900", "5 ms", "-1ms", "ms", "1.ms", "1m"])
def test_bad_times(text: str) -> None:
    with pytest.raises(InputError, match="--max-latency is"):
        parse_time(text, "--max-latency")


def test_latency_is_estimated_at_the_clock_of_a_real_board(tmp_path: Path) -> None:
    options = CompileOptions(board="stm32f411", store="dense16_s8", firmware_samples=20)
    built = compile_network(resolve(ZOO), tmp_path / "kept", replace(options, budgets=Budgets(latency_us=1e6)))
    clock = load_board("stm32f411").clock_hz
    assert built.cost
    assert built.cost.cycles
    assert clock
    assert built.cost.cycles >= built.cost.instructions
    assert built.cost.latency_us == pytest.approx(1e6 * built.cost.cycles / clock, rel=1e-3)
    assert built.budgets["latency_us"]["met"]
    text = r"us an inference, estimated at \d+ MHz without wait states, on 'stm32f411', the budget is 500; layer 'layer0' \(dense16_s8\) takes"
    with pytest.raises(CheckError, match=text):
        compile_network(resolve(ZOO), tmp_path / "slow", replace(options, budgets=Budgets(latency_us=500)))
    with pytest.raises(InputError, match="board 'emulated-cortex-m4' has no clock"):
        compile_network(resolve(ZOO), tmp_path / "none", CompileOptions(budgets=Budgets(latency_us=500)))


@pytest.mark.parametrize("text", ["", "8kb", "-1", "k", "1.5k"])
def test_bad_byte_sizes(text: str) -> None:
    with pytest.raises(InputError, match="--max-flash is"):
        parse_bytes(text, "--max-flash")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("compile", "nothing"), 2, "nothing"),
        (("compile", "zoo:digits-spatal"), 2, "Did you mean 'digits-spatial'"),
        (("compile", "--board", "emulated-cortex-m5", "--out", "{tmp}/b"), 2, "Did you mean"),
        (("compile", "--prune", "1.5", "--out", "{tmp}/b"), 2, "prune share is 1.5"),
        (("compile", "--store", "dens_s8", "--out", "{tmp}/b"), 2, "Did you mean 'dense_s8'"),
        (("compile", "--max-ram", "100", "--out", "{tmp}/b"), 3, "bytes of RAM without its stack, the budget is 100"),
        (("compile", "--board", "host", "--max-ram", "8k", "--out", "{tmp}/b"), 2, "'host' is not an emulated core"),
        (("compile", "--nonsense"), 2, "--nonsense"),
        (("runtime", "run", "{tmp}"), 2, "is not a build"),
        (("runtime", "run", "{build}", "--backend", "onnx"), 2, "unknown backend 'onnx'"),
        (("runtime", "run", "{build}", "--data", "digit"), 2, "Did you mean 'digits'"),
        (("runtime", "run", "{build}", "--input", "{tmp}/wrong.npy"), 2, r"wrong.npy"),
        (("runtime", "run", "{build}", "--input", "{tmp}/nan.npy"), 2, "NaN"),
        (("runtime", "bench", "{build}", "--runs", "0"), 2, "allowed: 1 to"),
    ],
)
def test_commands_fail_with_one_line_and_the_right_code(
    words: tuple[str, ...], code: int, message: str, built: tuple[Path, Manifest], tmp_path: Path
) -> None:
    np.save(tmp_path / "wrong.npy", np.zeros((3, 7), np.uint8))
    np.save(tmp_path / "nan.npy", np.full((1, 64), np.nan))
    done = run(*(word.format(tmp=tmp_path, build=built[0]) for word in words))
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_commands_run_a_build_as_json(built: tuple[Path, Manifest]) -> None:
    done = run("runtime", "run", str(built[0]), "--backend", "c", "--accuracy", "--json")
    assert json.loads(done.stdout)["accuracy"] == pytest.approx(built[1].accuracy.quantised)
    rows = json.loads(run("runtime", "bench", str(built[0]), "--runs", "20", "--min-secs", "0", "--json").stdout)["rows"]
    assert {row["backend"] for row in rows} == {"reference", "onnxruntime", "tflite", "c", "firmware"}
    profile = json.loads(run("runtime", "profile", str(built[0]), "--json").stdout)
    assert [row["name"] for row in profile["layers"]] == [layer.name for layer in built[1].layers]


def test_firmware_is_proven_on_the_board_it_is_for(tmp_path: Path, built: tuple[Path, Manifest]) -> None:
    record = compile_network(resolve(ZOO), tmp_path / "m0", CompileOptions(board="emulated-cortex-m0plus")).parity["firmware"]
    assert record is not None
    assert "Cortex-M0+" in record.detail
    done = run("runtime", "bench", str(built[0]), "--backend", "firmware", "--device", "emulated-cortex-m0plus", "--json")
    assert "Cortex-M0+" in json.loads(done.stdout)["rows"][0]["detail"]
    assert "Did you mean" in run("runtime", "bench", str(built[0]), "--backend", "firmware", "--device", "emulated-cortex-m0").stderr


def test_instruction_counts_repeat_exactly(built: tuple[Path, Manifest]) -> None:
    samples = load_dataset("digits").test.x[:3]
    with open_session(open_build(built[0]), "firmware") as session:
        first, second = session.instructions(samples), session.instructions(samples)
    assert first is not None
    assert np.array_equal(first, second)


def test_importing_runtime_needs_no_heavy_library() -> None:
    code = "import sys, runtime, runtime.builds.build, runtime.network.reference; print([m for m in ('torch', 'onnx', 'onnxruntime') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
