"""Static analysis and fuzzing of the C that runs on boards. ``nearwire bench fuzz`` throws millions of inputs; here it is some thousands.

A fuzzer that finds nothing must be one that can: mistakes are planted and have to be found.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.fuzz import build, fuzz
from bench.support.compiled import HOST, SANITIZERS, STRICT, sanitizers_missing
from bench.support.stored import NETWORKS
from compile.emit.c import steady as c
from devices.boards.board import load_board
from devices.tools import toolchain
from devices.tools.program import PORTS
from runtime.builds.sources import FOLDER
from tests.support.needs import needs, needs_program

NETWORK = NETWORKS["all formats"]
DEFINES = (
    "PORT_UART=0x40004000u",
    "PORT_TIMER=0x40000000u",
    "PORT_TICKS_PER_US=25u",
    "PORT_PIN_TX=6u",
    "PORT_PIN_RX=8u",
    "PORT_TIMER_PRESCALER=4u",
    'PORT_HEADER="1"',
    'FIRMWARE_PROFILE="x"',
    'FIRMWARE_MODEL="x"',
)


@pytest.fixture(scope="module", autouse=True)
def sanitizers() -> None:
    needs(sanitizers_missing())


def test_the_protocol_survives_noise(tmp_path: Path) -> None:
    done = fuzz(build("protocol", NETWORK, tmp_path), 30_000, seed=7)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(r"30000 inputs: (\d+) errors, (\d+) inputs loaded, (\d+) inferences\n", done.stdout)
    assert found
    assert all(int(count) > 100 for count in found.groups())  # it gets into every part


@pytest.mark.parametrize("name", ["all formats", "boxes and ternary columns", "replicated, two of them", "cut input"])
def test_the_model_survives_noise(name: str, tmp_path: Path) -> None:
    done = fuzz(build("model", NETWORKS[name], tmp_path), 2_000, seed=7)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("protocol.c", "line_length < PROTOCOL_LINE - 1u", "line_length < PROTOCOL_LINE + 40u"),
        ("protocol.c", "digits / 2u > expected - loaded", "digits / 2u > expected"),
        ("protocol.c", "expected == 0u || loaded != expected", "0"),
        ("protocol.c", 'line_length = 0u;\n    put_line("m-ready");', 'line_length = 0u;\n    if (*line != 0) put_line("m-ready");'),
        ("text.c", "if (++digits > 9u)", "if (++digits > 29u)"),
    ],
)
def test_planted_mistakes_in_the_protocol_are_found(file: str, right: str, wrong: str, tmp_path: Path) -> None:
    firmware = tmp_path / "firmware"
    shutil.copytree(FOLDER, firmware)
    text = (firmware / file).read_text()
    assert text.count(right) == 1
    (firmware / file).write_text(text.replace(right, wrong))
    assert fuzz(build("protocol", NETWORK, tmp_path, firmware), 30_000, seed=7).returncode != 0


def test_a_planted_mistake_in_the_model_is_found(tmp_path: Path) -> None:
    program = build("model", NETWORK, tmp_path)
    model = tmp_path / "c" / "model.c"
    (size,) = re.findall(r"nearwire_scratch\[(\d+)\];", model.read_text())
    model.write_text(model.read_text().replace(f"nearwire_scratch[{size}];", f"nearwire_scratch[{int(size) - 1}];"))
    sources = [tmp_path / "c" / name for name in ("model.c", "nearwire.c")]
    harness = Path(__file__).parents[2] / "bench" / "c"
    compiler = toolchain.compiler_for(load_board("host").toolchain)
    compiler.run(["-std=gnu99", *SANITIZERS, f"-I{tmp_path / 'c'}", f"-I{harness}", "-o", program, harness / "fuzz_model.c", *sources], "the fuzzer")
    assert fuzz(program, 200, seed=7).returncode != 0


def test_the_firmware_compiles_without_a_warning(tmp_path: Path) -> None:
    c.emit(NETWORK, tmp_path)
    compiler = toolchain.compiler_for(HOST)
    for name in ("protocol.c", "text.c", "timing.c", "model_entry.c", "main.c"):
        defines = [f"-D{define}" for define in DEFINES if define.startswith("FIRMWARE")]
        arguments = [*STRICT, *defines, f"-I{tmp_path / 'c'}", f"-I{PORTS}", f"-I{FOLDER}", "-c", "-o", tmp_path / "x.o", FOLDER / name]
        compiler.run(arguments, name)


def test_cppcheck_finds_nothing(tmp_path: Path) -> None:
    needs_program("cppcheck", "cppcheck")
    sources = [*(FOLDER / name for name in ("main.c", "protocol.c", "text.c", "timing.c", "model_entry.c", "batch.c")), *PORTS.glob("*.c")]
    for k, network in enumerate(NETWORKS.values()):
        (tmp_path / str(k)).mkdir()
        c.emit(network, tmp_path / str(k))
        sources += [tmp_path / str(k) / "c" / name for name in ("model.c", "nearwire.c")]
    include = [f"-I{path}" for path in (PORTS, FOLDER, tmp_path / "0" / "c")]
    options = ["--std=c99", "--enable=warning,style,performance,portability", "--inline-suppr", "--error-exitcode=1", "--quiet", "-j2"]
    done = subprocess.run(
        ["cppcheck", *options, *include, *(f"-D{d}" for d in DEFINES), *map(str, sources)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
