"""Objects that are kept are those that the compiler would make again, and another header, flag, source or compiler makes another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.support.compiled import HOST
from bench.support.stored import NETWORKS
from compile.emit.c import steady as c
from devices.boards.board import load_board
from devices.errors import NearwireError
from devices.links.unicorn import read_image
from devices.tools import toolchain
from devices.tools.toolchain import Compiler
from runtime.backends.firmware.program import firmware
from tests.support.compiled import Objects, Run, parsed
from tests.support.needs import needs
from tests.support.tools import M4, needs_emulator


class Counted:
    """How a compiler runs without kept objects, and how often it did so."""

    def __init__(self, plain: Run) -> None:
        self.plain, self.commands = plain, []

    def __call__(self, compiler: Compiler, arguments: object, what: str) -> None:
        self.commands.append([str(word) for word in arguments])  # type: ignore[attr-defined]
        self.plain(compiler, arguments, what)  # type: ignore[arg-type]

    @property
    def compiled(self) -> int:
        return sum("-c" in command for command in self.commands)


@pytest.fixture
def counted(plain_compiler: Run) -> Counted:
    return Counted(plain_compiler)


@pytest.fixture
def compiler() -> Compiler:
    needs(toolchain.missing(HOST))
    return toolchain.compiler_for(HOST)


def write(folder: Path, value: int = 1, header: int = 2) -> list[Path]:
    """A program of two sources and a header."""
    (folder / "h").mkdir(parents=True, exist_ok=True)
    (folder / "h" / "value.h").write_text(f"#define VALUE {header}\nint twice(int x);\n")
    (folder / "main.c").write_text(f'#include "value.h"\nint main(void) {{ return twice({value} + VALUE) & 127; }}\n')
    (folder / "twice.c").write_text("int twice(int x);\nint twice(int x) { return 2 * x; }\n")
    return [folder / "main.c", folder / "twice.c"]


def test_only_what_changed_is_compiled_again(tmp_path: Path, counted: Counted, compiler: Compiler) -> None:
    (tmp_path / "objects").mkdir()
    objects = Objects(tmp_path / "objects", counted)

    def built(place: str, flags: tuple[str, ...] = ("-O1",), compiler: Compiler = compiler, **values: int) -> int:
        before = counted.compiled
        sources = write(tmp_path / place, **values)
        objects.run(compiler, [*flags, "-I", tmp_path / place / "h", "-o", tmp_path / place / "program", *sources], "a program")
        assert (tmp_path / place / "program").is_file()
        return counted.compiled - before

    assert built("a") == 2
    assert built("a") == built("elsewhere") == 0
    assert built("b", value=5) == 1
    assert built("c", header=7) == 1
    assert built("d", flags=("-O2",)) == 2
    assert built("e", compiler=replace(compiler, detail="another version")) == 2
    assert built("f", header=7) == 0


def test_errors_are_those_of_the_command_as_it_was_given(tmp_path: Path, counted: Counted, compiler: Compiler) -> None:
    (tmp_path / "objects").mkdir()
    sources = write(tmp_path / "a")
    sources[0].write_text("int main(void) { return nothing; }\n")
    arguments = ["-o", tmp_path / "program", "-I", tmp_path / "a" / "h", *sources]
    with pytest.raises(NearwireError, match=r"could not compile a program: .*main\.c.*nothing"):
        Objects(tmp_path / "objects", counted).run(compiler, arguments, "a program")
    assert counted.commands[-1] == [str(word) for word in arguments]


@pytest.mark.parametrize("words", [("-E", "a.c"), ("-o", "a", "a.o"), ("a.c",), ("-MD", "-c", "-o", "a.o", "a.c"), ("-o", "a", "-x", "c", "-")])
def test_other_commands_are_left_alone(words: tuple[str, ...]) -> None:
    assert parsed(words) is None


def test_a_firmware_of_kept_objects_is_that_of_one_command(tmp_path: Path, plain_compiler: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    board = needs_emulator()
    network, images = NETWORKS["boxes and columns"], []
    for name in ("first", "kept", "plain"):
        folder = tmp_path / name
        (folder / "p").mkdir(parents=True)
        c.emit(network, folder)
        if name == "plain":
            monkeypatch.setattr(Compiler, "run", plain_compiler)
        program = firmware(folder, network, load_board(M4), folder / "p")
        images.append((program.sizes, read_image(program.path).segments))
    assert board.memory
    assert images[0] == images[1] == images[2]
