"""Programs for boards: every port builds without a warning; RAM and flash are exactly what the linker used, and a byte less is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.boards.board import Board, board_names, load_board
from devices.errors import CheckError, InputError
from devices.links.unicorn import read_image
from devices.tools import toolchain
from devices.tools.images import flash_content
from devices.tools.program import PORTS, build
from tests.support.needs import needs
from tests.support.tools import M4, needs_emulator

STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror")
WITH_PORT = [name for name in board_names() if load_board(name).port]
PAYLOAD = "int answer(int n);\nstatic const int table[25] = {1, 2, 3};\nstatic int counter[10];\nint answer(int n) { return table[n % 25] + counter[n % 10]++; }\n"
FIRMWARE = '#include "port.h"\nint answer(int n);\nint main(void);\nint main(void) { for (;;) { port_write((uint8_t)answer(port_read())); } }\n'


def small(board: Board, folder: Path) -> tuple[list[Path], list[Path]]:
    (folder / "payload.c").write_text(PAYLOAD)
    (folder / "main.c").write_text(FIRMWARE)
    return [folder / "payload.c"], [folder / "main.c"]


def with_memory(board: Board, **sizes: int) -> Board:
    assert board.memory
    return board.model_copy(update={"memory": board.memory.model_copy(update=sizes)})


@pytest.mark.parametrize("name", WITH_PORT)
def test_every_port_builds_without_a_warning(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    needs(toolchain.missing(board.toolchain))
    update: dict[str, object] = {"flags": (*board.toolchain.flags, *STRICT)}
    if board.toolchain.gcc:
        update["gcc"] = board.toolchain.gcc.model_copy(update={"flags": (*board.toolchain.gcc.flags, *STRICT)})
    strict = board.model_copy(update={"toolchain": board.toolchain.model_copy(update=update)})
    program = build(strict, tmp_path, *small(board, tmp_path), [])
    assert 0 < program.sizes.flash < 1500
    assert program.sizes.payload_constants == 100
    assert program.sizes.payload_static == 40
    image = read_image(program.path)
    assert board.memory
    start, content = flash_content(program.path)
    assert start == board.memory.flash_origin
    assert len(content) == program.sizes.flash
    assert image.ends[".bss"] - board.memory.ram_origin == program.sizes.ram  # nothing between the sections
    assert "port_reset" in image.symbols


def test_exactly_enough_memory_is_enough_and_a_byte_less_is_refused(tmp_path: Path) -> None:
    board = needs_emulator()
    sizes = build(board, tmp_path, *small(board, tmp_path), []).sizes
    just = with_memory(board, flash_bytes=sizes.flash, ram_bytes=sizes.ram)
    assert build(just, tmp_path, *small(board, tmp_path), []).sizes == sizes
    with pytest.raises(CheckError, match=rf"needs {sizes.ram} bytes of RAM.*board '{M4}' has {sizes.ram - 1}\."):
        build(with_memory(just, ram_bytes=sizes.ram - 1), tmp_path, *small(board, tmp_path), [])
    with pytest.raises(CheckError, match=rf"needs {sizes.flash} bytes of flash.*board '{M4}' has {sizes.flash - 1}\."):
        build(with_memory(just, flash_bytes=sizes.flash - 1), tmp_path, *small(board, tmp_path), [])


def test_constants_of_another_window_lie_at_the_same_offset(tmp_path: Path) -> None:
    board = load_board("esp32c3")
    needs(toolchain.missing(board.toolchain))
    program = build(board, tmp_path, *small(board, tmp_path), [])
    image = read_image(program.path)
    assert board.memory
    assert board.port
    assert board.port.constants_origin
    constants = image.symbols["table"] - board.port.constants_origin
    code = image.ends[".text"] - board.memory.flash_origin
    assert constants == code


def test_a_board_without_a_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'host' has no port"):
        build(load_board("host"), tmp_path, [], [PORTS / "probe.c"], [])


def test_a_gcc_on_the_path_is_preferred_and_its_flags_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = load_board("qemu-mps2-an386")
    gcc = tmp_path / "arm-none-eabi-gcc"
    gcc.write_text('#!/bin/sh\necho "arm-none-eabi-gcc (Free Software Foundation) 12.2.1"\n')
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    toolchain._version.cache_clear()
    found = toolchain.compiler_for(board.toolchain)
    assert found.command == ("arm-none-eabi-gcc",)
    assert found.description == "gcc 12.2.1 -mcpu=cortex-m4 -mthumb -Os -ffreestanding -nostdlib"
    assert found.libraries == ("-lgcc",)
    assert toolchain.compiler_for(load_board(M4).toolchain).command[-1] == "-mcpu=cortex_m4"  # its cost tables are zig's


def test_neither_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.shutil, "which", lambda _: None)
    monkeypatch.setattr(toolchain, "_zig", lambda _: None)
    reason = str(toolchain.missing(load_board("qemu-mps2-an386").toolchain))
    assert "arm-none-eabi-gcc" in reason
    assert "apt install gcc-arm-none-eabi" in reason
