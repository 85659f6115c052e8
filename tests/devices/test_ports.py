"""The ports of real boards, as far as emulators reach: the RP2040's second stage by its register writes, vector tables where cores look.

tests/runtime/test_protocol.py runs the STM32F411's firmware on QEMU's STM32F405. No substitute for silicon, which none of them has met.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devices.boards.board import Board, load_board
from devices.links import cores, unicorn
from devices.links.unicorn import PAGE
from devices.tools import images, program, toolchain
from tests.support.needs import needs


def probe(board: Board, folder: Path) -> program.Program:
    needs(toolchain.missing(board.toolchain))
    return program.build(board, folder, [], [program.PORTS / "probe.c"], [])


def test_the_rp2040s_second_stage_switches_execution_in_place_on_and_enters_the_program(tmp_path: Path) -> None:
    """Run where the boot ROM runs it, at the top of RAM; the writes are those of the data sheet's chapter on the flash controller."""
    needs(unicorn.missing())
    from unicorn import arm_const as arm

    board = load_board("rp2040")
    made = probe(board, tmp_path)
    start, content = images.flash_content(made.path)
    assert start == 0x10000000
    at = 0x20041F00
    written: dict[int, list[int]] = {}
    core = cores.engine("cortex-m0")

    def write(_uc: Any, offset: int, _size: int, value: int, base: int) -> None:
        written.setdefault(base + offset, []).append(value)

    def read(_uc: Any, _offset: int, _size: int, _base: int) -> int:
        return 0

    for base in (0x18000000, 0xE000E000):
        core.mmio_map(base, PAGE, read, base, write, base)
    core.mem_map(start, 1 << 20)
    core.mem_map(0x20000000, 0x42000 + 0xE000)
    core.mem_write(start, content)
    core.mem_write(at, content[:256])
    stack, entry = (int.from_bytes(content[k : k + 4], "little") for k in (0x100, 0x104))
    core.reg_write(arm.UC_ARM_REG_SP, 0x20041F00)
    core.emu_start(at | 1, entry & ~1, count=100)
    assert core.reg_read(arm.UC_ARM_REG_PC) == entry & ~1
    assert core.reg_read(arm.UC_ARM_REG_SP) == stack
    assert written[0x18000008] == [0, 1]  # SSIENR: off, then on
    assert written[0x18000000] == [31 << 16 | 3 << 8]  # CTRLR0: frames of 32 bits, EEPROM read
    assert written[0x180000F4] == [0x03 << 24 | 2 << 8 | 6 << 2]  # SPI_CTRLR0: command 03h, 8 bits of it, 24 of address
    assert written[0x18000014] == [4]  # BAUDR
    assert written[0xE000ED08] == [0x10000100]  # VTOR
    assert made.sizes.flash == len(content)


@pytest.mark.parametrize("name", ["rp2040", "nrf52840", "stm32f411"])
def test_the_vector_table_of_a_real_board_is_where_its_core_looks(name: str, tmp_path: Path) -> None:
    board = load_board(name)
    assert board.memory
    start, content = images.flash_content(probe(board, tmp_path).path)
    table = 0x100 if name == "rp2040" else 0
    stack, entry = (int.from_bytes(content[k : k + 4], "little") for k in (table, table + 4))
    assert start == board.memory.flash_origin
    assert board.memory.ram_origin < stack <= board.memory.ram_origin + board.memory.ram_bytes
    assert entry & 1
    assert start <= entry < start + len(content)
