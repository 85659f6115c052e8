"""Small programs for an emulated core."""

from __future__ import annotations

from pathlib import Path

from devices.boards.board import Board, load_board
from devices.links import unicorn
from devices.tools import toolchain
from tests.support.needs import needs

M4 = "emulated-cortex-m4"
QEMU = ("qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps2-an500", "qemu-mps2-an505", "qemu-microbit", "qemu-riscv32-virt")


def needs_emulator() -> Board:
    """The emulated M4, or a skip."""
    board = load_board(M4)
    needs(unicorn.missing() or toolchain.missing(board.toolchain))
    return board


def core_with(source: str, board: Board, folder: Path, window_bytes: int = unicorn.PAGE) -> unicorn.Core:
    """A core that holds the functions of a C source; those to call are marked with USED."""
    (folder / "program.c").write_text("#define USED __attribute__((used, noinline))\n" + source)
    memory = board.memory
    assert memory is not None
    script = "SECTIONS { . = %s; .text : { KEEP(*(.text .text.*)) } . = %s; .data : { *(.data .data.*) } .bss (NOLOAD) : { *(.bss .bss.*) } }"
    (folder / "memory.ld").write_text(script % (hex(memory.flash_origin), hex(memory.ram_origin)))
    compiler = toolchain.compiler_for(board.toolchain)
    flags = [*board.toolchain.flags, "-g", "-fomit-frame-pointer", "-Wl,-e,entry", "-T", folder / "memory.ld"]
    compiler.run([*flags, "-o", folder / "program.elf", folder / "program.c"], "a test program")
    return unicorn.Core(unicorn.read_image(folder / "program.elf"), board, window_bytes)
