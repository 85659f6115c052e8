"""The generated C: complete, portable, without a warning, clean under the sanitizers, and the same bytes every time."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.support.compiled import HOST, SANITIZERS, STRICT, sanitizers_missing
from bench.support.networks import integer_network
from bench.support.stored import NETWORKS, stored
from compile.emit.c import steady as c
from compile.formats import MATRIX_FORMATS as FORMATS
from devices.boards.board import load_board
from devices.errors import CheckError, InputError
from devices.tools import toolchain
from runtime.network.network import Layer, Network
from tests.support.needs import needs

FILES = {"nearwire.h", "nearwire.c", "model.h", "model.c", "test_vectors.h", "main.c", "Makefile"}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return NETWORKS[request.param]


def build(folder: Path, flags: list[str], compiler: toolchain.Compiler | None = None) -> Path:
    """The demo of folder/c."""
    program = folder / "demo"
    sources = [folder / "c" / name for name in ("main.c", "model.c", "nearwire.c")]
    (compiler or toolchain.compiler_for(HOST)).run([*flags, "-o", program, *sources], "the demo")
    return program


def test_all_files_are_there_and_the_same_every_time(network: Network, tmp_path: Path) -> None:
    c.emit(network, tmp_path)
    assert {path.name for path in (tmp_path / "c").iterdir()} == FILES
    again = c.files(network)
    assert {path.name: path.read_text() for path in (tmp_path / "c").iterdir()} == again


@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_the_demo_compiles_without_a_warning_and_passes(network: Network, tmp_path: Path, level: str) -> None:
    needs(toolchain.missing(HOST))
    c.emit(network, tmp_path)
    done = subprocess.run([build(tmp_path, [level, *STRICT])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("as expected") == c.VECTORS


def test_clang_has_no_warning_either(tmp_path: Path) -> None:
    zig = load_board("emulated-cortex-m4").toolchain
    needs(toolchain.missing(zig))
    compiler = toolchain.compiler_for(replace_target(zig))
    c.emit(NETWORKS["all formats"], tmp_path)
    assert subprocess.run([build(tmp_path, ["-O2", *STRICT], compiler)], capture_output=True, check=False).returncode == 0


def replace_target(zig: object) -> object:
    """Zig for this computer."""
    from devices.boards.board import Toolchain

    return Toolchain(compiler="zig")


def test_clean_under_address_and_undefined_behaviour_sanitizers(network: Network, tmp_path: Path) -> None:
    needs(sanitizers_missing())
    c.emit(network, tmp_path)
    done = subprocess.run([build(tmp_path, [*SANITIZERS, *STRICT])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_weight_fails_the_demo(tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    c.emit(NETWORKS["one layer"], tmp_path)
    model = tmp_path / "c" / "model.c"
    model.write_text(re.sub(r"(bias\[1\] = \{\n)-?\d+", r"\g<1>12345", model.read_text()))
    done = subprocess.run([build(tmp_path, ["-O1"])], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "WRONG" in done.stdout


def test_the_demo_classifies_files(tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    c.emit(NETWORKS["all formats"], tmp_path)
    program = build(tmp_path, ["-O1"])
    for size, code, text in ((37, 0, "class "), (36, 1, "less"), (38, 1, "more")):
        (tmp_path / "sample.bin").write_bytes(bytes(size))
        done = subprocess.run([program, tmp_path / "sample.bin"], capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert text in done.stdout + done.stderr
    assert subprocess.run([program, tmp_path / "none.bin"], capture_output=True, check=False).returncode == 1


def test_cplusplus_can_include_the_header(tmp_path: Path) -> None:
    zig = toolchain.missing(load_board("emulated-cortex-m4").toolchain)
    needs(zig)
    c.emit(NETWORKS["one layer"], tmp_path)
    (tmp_path / "c" / "user.cpp").write_text(
        '#include "model.h"\n#include "nearwire.h"\nint f() { uint8_t x[1] = {0}; return nearwire_classify(x); }\n'
    )
    compiler = toolchain.compiler_for(load_board("emulated-cortex-m4").toolchain)
    compiler.run(["-Wall", "-Wextra", "-Werror", "-c", "-o", tmp_path / "user.o", tmp_path / "c" / "user.cpp"], "a C++ file")


def test_only_kernels_in_use_are_there_and_every_name_is_ours() -> None:
    files = c.files(stored((9, 5, 3), ("csr_s8",)))
    assert "nearwire_csr_s8" in files["nearwire.c"]
    assert "dense" not in files["nearwire.c"] + files["nearwire.h"]
    for text in (files["model.c"], files["nearwire.c"], files["model.h"], files["nearwire.h"]):
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        assert not re.search(r"\b(malloc|free|float|double|printf)\b|math\.h", code)
        for name in re.findall(r"^(?:static |extern )?\w[\w *]*?\b(\w+)\s*[\[(=]", code, flags=re.M):
            assert name.lower().startswith(("nearwire_", "__attribute")) or name in ("if", "for", "while", "defined", "return", "sizeof"), name


def test_sizes_are_exact(tmp_path: Path) -> None:
    network = stored((30, 12, 20, 7, 3), ("csr16_s8",))
    text = c.files(network)["model.h"]
    assert "#define NEARWIRE_RAM_BYTES 32\n" in text  # the largest sum of two neighbours: 12 + 20
    assert "#define NEARWIRE_INPUTS 30\n" in text
    constants = sum(FORMATS["csr16_s8"].encode(layer.arrays["weight"]).constants_bytes + 4 * layer.outputs for layer in network.layers)
    constants += sum(1 if len(set(s.tolist())) == 1 else len(s) for layer in network.layers if (s := layer.arrays.get("shift")) is not None)
    assert f"#define NEARWIRE_CONSTANT_BYTES {constants}\n" in text
    assert "#define NEARWIRE_RAM_BYTES 0\n" in c.files(stored((3, 2)))["model.h"]
    assert "#define NEARWIRE_RAM_BYTES 27\n" in c.files(stored((19, 8, 4), cut=1))["model.h"]  # the cut input and the hidden layer


def test_class_names_of_any_kind_are_valid_c(tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    names = ('a "quoted" name', "back\\slash, ??/ and %d", "größe 数字 */", "new\nline1")
    network = replace(stored((6, 4), ("dense_s8",)), classes=names)
    c.emit(network, tmp_path)
    subprocess.run([build(tmp_path, [*STRICT, "-O1"])], check=True, capture_output=True)
    (tmp_path / "c" / "names.c").write_text(
        '#include <stdio.h>\n#include "model.h"\nint main(void) { for (int k = 0; k < 4; k++) { fputs(nearwire_classes[k], stdout); putchar(0); } return 0; }\n'
    )
    toolchain.compiler_for(HOST).run(
        ["-std=c99", "-o", tmp_path / "names", *(tmp_path / "c" / f"{n}.c" for n in ("names", "model", "nearwire"))], "names"
    )
    out = subprocess.run([tmp_path / "names"], capture_output=True, check=True).stdout
    assert out.decode().split("\0")[:-1] == list(names)


def test_real_samples_become_the_test_vectors() -> None:
    samples = np.arange(60, dtype=np.uint8).reshape(2, 30)
    text = c.files(stored((30, 12, 3)), samples)["test_vectors.h"]
    assert "#define NEARWIRE_TEST_VECTORS 2\n" in text
    assert "\n0, 1, 2, 3," in text


def test_a_network_that_is_not_stored_is_refused() -> None:
    with pytest.raises(InputError, match="pass 'store' first"):
        c.files(integer_network())


def test_sums_that_leave_int32_are_refused() -> None:
    network = stored((30, 4))
    layer: Layer = network.layers[0].with_arrays(bias=np.full(4, 2**31 - 1, np.int32))
    with pytest.raises(CheckError, match="layer0.*do not fit int32"):
        c.files(replace(network, layers=(layer,)))
