"""The libraries of ``--package``, compiled for their cores with their ecosystems' flags and without a warning, and their examples really run.

The ecosystems' own SDKs are not to be had from pip, so a small stub of each API stands in (``ecosystems/``): its headers, what its build system
does with our CMake files, Kconfig and module.yml, and a console kept in memory. Sketches and Zephyr's sample run on the emulated Cortex-M;
ESP-IDF's example is linked for the ESP32-C3's RISC-V core and run on this computer.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cmake
import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from bench.support.stored import NETWORKS
from compile.emit import packages
from compile.emit.packages import ECOSYSTEMS, Facts
from devices.boards.board import Board, Toolchain, load_board
from devices.links.unicorn import PAGE, Core, missing, read_image
from devices.tools import toolchain
from runtime.builds.manifest import Accuracy
from runtime.network import reference
from runtime.network.network import Network
from tests.support.needs import needs

STUBS = Path(__file__).with_name("ecosystems")
HOST = load_board("host").toolchain
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Werror")
SIZE = ("-Os", "-g", "-ffunction-sections", "-fdata-sections")
ZEPHYR = (
    *("-std=c17", "-ffreestanding", "-fno-strict-aliasing", "-fno-common", "-Wall", "-Wextra", "-Wformat", "-Wformat-security", "-Wno-main"),
    *("-Wno-pointer-sign", "-Wpointer-arith", "-Wexpansion-to-defined", "-Werror=implicit-int", "-Wshadow", "-Wconversion", "-Wcast-qual", "-Werror"),
)  # its base warnings, those of W=1 and W=2 that clang has, and all of them errors
ESP = ("-std=gnu17", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-sign-compare", "-Werror", "-fno-jump-tables", "-fno-strict-aliasing")
CXX = ("-std=gnu++11", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-fno-use-cxa-atexit")
RISCV = Toolchain(compiler="zig", target="riscv32-freestanding-none", cpu="generic_rv32+m+c")
SCRIPT = """SECTIONS {{ . = {flash:#x}; .text : {{ *(.text .text.*) *(.rodata .rodata.*) }} . = {ram:#x}; .data : {{ *(.data .data.*) }}
.bss (NOLOAD) : {{ *(.bss .bss.*) }} /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame*) }} }}
"""
EXPECTED = "class {label}, scores as expected, {time} us\n"
ALL = ("all formats", "boxes and columns", "spans", "cut input", "replicated, two of them", "boxes and ternary columns")
SOME = ("all formats", "replicated, two of them", "boxes and ternary columns")  # every kernel but spans and the narrow boxes
CORES = [("arduino", "emulated-cortex-m0plus", name) for name in ALL]
CORES += [(ecosystem, "emulated-cortex-m4", name) for ecosystem in ("arduino", "platformio") for name in SOME]
SKETCHES = {"arduino": "examples/Classify/Classify.ino", "platformio": "examples/classify/src/main.cpp"}


@dataclass(frozen=True)
class Library:
    """A library below ``folder``, and what its example must print."""

    folder: Path
    ecosystem: str
    label: str

    @property
    def sources(self) -> list[Path]:
        return sorted(self.folder.rglob("nearwire.c")) + sorted(self.folder.rglob("model.c"))

    @property
    def header(self) -> Path:
        return self.folder / ECOSYSTEMS[self.ecosystem].header

    @property
    def example(self) -> Path:
        return self.folder / ECOSYSTEMS[self.ecosystem].example


def write(network: Network, folder: Path, ecosystem: str, name: str = "test-net 1") -> Library:
    sample = np.random.default_rng(3).integers(0, 256, network.input.size).astype(np.uint8)
    accuracy = Accuracy.model_validate({"data": "random", "samples": 1, "float": 1, "frozen": 1, "pruned": 1, "quantised": 1})
    library = packages.library_name(name)
    places = packages.emit(network, folder, [ecosystem], library, sample, Facts(accuracy, "0" * 64, None, None))
    label = network.classes[int(reference.scores(network, sample[None])[0].argmax())]
    return Library(folder / places[ecosystem], ecosystem, label)


def objects(library: Library, compiler: toolchain.Compiler, flags: Sequence[str], place: Path) -> list[Path]:
    """The library's own C files, each compiled alone, as every ecosystem does."""
    made = []
    for source in library.sources:
        made.append(place / f"{source.stem}.o")
        compiler.run([*flags, "-I", library.header, "-c", "-o", made[-1], source], f"'{source.name}'")
    return made


def on_core(board: Board, program: Path) -> str:
    """What a program that was linked with ``console.c`` prints, on the emulated core."""
    image = read_image(program)
    core = Core(image, board, PAGE)
    core.call("run")
    return core.read(image.symbols["stub_output"], image.lengths["stub_output"]).split(b"\0")[0].decode()


def link(board: Board, compiler: toolchain.Compiler, parts: Sequence[Path], place: Path) -> Path:
    assert board.memory is not None
    (place / "memory.ld").write_text(SCRIPT.format(flash=board.memory.flash_origin, ram=board.memory.ram_origin))
    compiler.run(["-Wl,--gc-sections", "-Wl,-e,run", "-T", place / "memory.ld", "-o", place / "program.elf", *parts], "a program")
    return place / "program.elf"


def emulated(name: str) -> Board:
    board = load_board(name)
    needs(missing() or toolchain.missing(board.toolchain))
    return board


@pytest.mark.parametrize(("ecosystem", "core", "network"), CORES)
def test_the_sketch_runs_on_the_emulated_core(ecosystem: str, core: str, network: str, tmp_path: Path) -> None:
    board = emulated(core)
    library = write(NETWORKS[network], tmp_path, ecosystem)
    compiler = toolchain.compiler_for(board.toolchain)
    parts = objects(library, compiler, ["-std=gnu11", *SIZE, *WARNINGS], tmp_path)
    include = ["-I", STUBS, "-I", STUBS / "arduino", "-I", library.header, "-I", library.example]
    for source in (library.folder / SKETCHES[ecosystem], STUBS / "arduino" / "run.cpp"):
        before = ["-include", "Arduino.h"] if source.suffix == ".ino" else []  # as the IDE does it
        parts.append(tmp_path / f"{source.stem}.o")
        compiler.run([*SIZE, *CXX, *WARNINGS, *include, *before, "-x", "c++", "-c", "-o", parts[-1], source], f"'{source.name}'")
    parts.append(tmp_path / "console.o")
    compiler.run([*SIZE, "-c", "-o", parts[-1], STUBS / "console.c"], "the console")
    assert on_core(board, link(board, compiler, parts, tmp_path)) == EXPECTED.format(label=library.label, time=0)


def build_with_cmake(source: Path, place: Path, compiler: toolchain.Compiler, flags: Sequence[str | Path], **settings: str | Path) -> None:
    """Configure and build a CMake project with the stub of its ecosystem."""
    line = shlex.join(compiler.command)
    values = {
        "CMAKE_C_COMPILER_FORCED": "1",
        "CMAKE_SYSTEM_NAME": "Generic",
        "CMAKE_C_FLAGS": shlex.join(map(str, flags)),
        "STUB_PYTHON": sys.executable,
        **settings,
    }
    program = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    arguments = [f"-D{key}={value}" for key, value in values.items()]
    environment = {**os.environ, "CC": line, "IDF_PATH": str(STUBS / "esp-idf"), "ZEPHYR_BASE": str(STUBS / "zephyr")}
    steps = [[program, "-G", "Unix Makefiles", "-S", source, "-B", place, *arguments], [program, "--build", place]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("network", SOME)
def test_zephyrs_build_finds_the_module_and_the_sample_runs(network: str, tmp_path: Path) -> None:
    board = emulated("emulated-cortex-m33")
    library = write(NETWORKS[network], tmp_path, "zephyr")
    compiler = toolchain.compiler_for(board.toolchain)
    assert board.memory is not None
    (tmp_path / "memory.ld").write_text(SCRIPT.format(flash=board.memory.flash_origin, ram=board.memory.ram_origin))
    linking = shlex.join(["-Wl,--gc-sections", "-Wl,-e,run", "-T", str(tmp_path / "memory.ld")])
    build_with_cmake(library.folder / "samples" / "classify", tmp_path / "b", compiler, [*SIZE, *ZEPHYR], CMAKE_EXE_LINKER_FLAGS=linking)
    assert on_core(board, tmp_path / "b" / "app") == EXPECTED.format(label=library.label, time=0)


def test_zephyr_leaves_the_module_out_unless_it_is_configured(tmp_path: Path) -> None:
    library = write(NETWORKS["cut input"], tmp_path, "zephyr")
    sample = library.folder / "samples" / "classify"
    (sample / "prj.conf").write_text("CONFIG_PRINTK=y\n")
    with pytest.raises(AssertionError, match=r"nearwire_test_net_1\.h"):
        build_with_cmake(sample, tmp_path / "b", toolchain.compiler_for(HOST), ZEPHYR)


@pytest.mark.parametrize("network", SOME)
def test_the_esp_idf_example_links_for_the_esp32_c3(network: str, tmp_path: Path) -> None:
    needs(toolchain.missing(RISCV))
    library = write(NETWORKS[network], tmp_path, "esp-idf")
    flags = [*SIZE, *ESP, "-isystem", STUBS / "esp-idf" / "freestanding"]
    main = f"{STUBS / 'esp-idf' / 'run.c'};{STUBS / 'console.c'}"
    build_with_cmake(
        library.folder / "examples" / "classify",
        tmp_path / "b",
        toolchain.compiler_for(RISCV),
        flags,
        STUB_MAIN=main,
        CMAKE_EXE_LINKER_FLAGS="-Wl,-e,run",
    )
    with (tmp_path / "b" / "nearwire_test_net_1_classify.elf").open("rb") as stream:
        elf = ELFFile(stream)
        assert (elf["e_machine"], elf.elfclass) == ("EM_RISCV", 32)
        names = {symbol.name for symbol in elf.get_section_by_name(".symtab").iter_symbols()}
    assert {"app_main", "nearwire_test_net_1_infer", "nearwire_test_net_1_classify"} <= names


@pytest.mark.parametrize("wrong", [False, True])
def test_the_esp_idf_example_runs_and_notices_a_wrong_weight(wrong: bool, tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    library = write(NETWORKS["all formats"], tmp_path, "esp-idf")
    if wrong:
        model = library.folder / "src" / "model.c"
        model.write_text(re.sub(r"(bias\[5\] = \{\n)-?\d+", r"\g<1>123456789", model.read_text()))
    main = ";".join(str(path) for path in (STUBS / "esp-idf" / "run.c", STUBS / "console.c", STUBS / "host.c"))
    build_with_cmake(library.folder / "examples" / "classify", tmp_path / "b", toolchain.compiler_for(HOST), ["-O1", *ESP], STUB_MAIN=main)
    printed = subprocess.run([tmp_path / "b" / "nearwire_test_net_1_classify.elf"], capture_output=True, text=True, check=True).stdout
    if wrong:
        assert printed == "E (test-net-1) class 0, scores WRONG, 0 us\n"
    else:
        assert printed == "I (test-net-1) " + EXPECTED.format(label=library.label, time=0)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_global_symbol_has_the_librarys_prefix(network: str, tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    library = write(NETWORKS[network], tmp_path, "zephyr")
    for made in objects(library, toolchain.compiler_for(HOST), ["-O1", *WARNINGS], tmp_path):
        with made.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            names = [s.name for s in table.iter_symbols() if s["st_info"]["bind"] == "STB_GLOBAL" and s["st_shndx"] != "SHN_UNDEF"]
        assert names
        assert all(name.startswith("nearwire_test_net_1_") for name in names), names


def test_two_networks_fit_into_one_program(tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    compiler = toolchain.compiler_for(HOST)
    parts: list[str | Path] = []
    calls = []
    for number, network in enumerate((NETWORKS["all formats"], NETWORKS["boxes and columns"])):
        library = write(network, tmp_path / str(number), "platformio", f"net {number}")
        shutil.copytree(library.header, tmp_path / "include", dirs_exist_ok=True)
        parts += [*objects(library, compiler, ["-O1"], tmp_path / str(number))]
        calls.append((f"nearwire_net_{number}", int(reference.scores(network, np.zeros((1, network.input.size), np.uint8))[0].argmax())))
    includes = "".join(f"#include <{name}.h>\n" for name, _ in calls)
    checks = " && ".join(f"{name}_classify(zeros) == {label}" for name, label in calls)
    (tmp_path / "both.c").write_text(f"{includes}static const uint8_t zeros[9999];\nint main(void) {{ return {checks} ? 0 : 1; }}\n")
    compiler.run([*WARNINGS, "-I", tmp_path / "include", "-o", tmp_path / "both", tmp_path / "both.c", *parts], "a program of two networks")
    assert subprocess.run([tmp_path / "both"], check=False).returncode == 0
