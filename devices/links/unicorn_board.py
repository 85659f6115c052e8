"""A whole program on the core that unicorn emulates in this process: its UART is two registers, its timer counts executed instructions.

The registers are those of ``devices/ports/unicorn.c``. The core runs only while the host waits for bytes: it stops where it finds no byte to read.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path
from typing import Any

from devices.boards.board import Board
from devices.common.interrupts import deferred
from devices.errors import InputError, NearwireError
from devices.links.base import Connection
from devices.links.cores import engine, thumb_instructions
from devices.links.unicorn import PAGE, missing, read_image

REGISTERS = 0x40000000
DATA, RECEIVED, INSTRUCTIONS = 0, 4, 8
MOST_WAITING = 1 << 20  # bytes that the core has not read yet
SLICE_US = 100_000  # the core returns to the host at least so often


class UnicornConnection(Connection):
    """A running core. Accesses outside the board's flash and RAM end it with an error."""

    def __init__(self, board: Board, program: Path) -> None:
        if lack := missing():
            raise NearwireError(lack)
        from unicorn import UC_HOOK_BLOCK, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE
        from unicorn import arm_const as arm

        memory = board.memory
        if memory is None or board.emulator is None:
            raise InputError(f"board '{board.name}' is not an emulated core. See 'nearwire devices list'.")
        self.where, self.memory = f"the emulated {board.core}", memory
        image = read_image(program)
        self._uc = engine(board.emulator.model)
        for origin, size in ((memory.flash_origin, memory.flash_bytes), (memory.ram_origin, memory.ram_bytes)):
            self._uc.mem_map(origin, -(-size // PAGE) * PAGE)
        for address, content in image.segments:
            self._uc.mem_write(address, content)
        self._uc.mmio_map(REGISTERS, PAGE, self._register_read, None, self._register_write, None)
        self._uc.hook_add(UC_HOOK_BLOCK, self._block)
        self._uc.hook_add(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, self._access)
        self._from, self._to = deque[int](), deque[int]()
        self._instructions, self._lengths, self._fault, self._waits = 0, dict[int, int](), "", False
        vectors = self._uc.mem_read(memory.flash_origin, 8)
        self._uc.reg_write(arm.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little"))
        self._pc, self._pc_register = int.from_bytes(vectors[4:], "little"), arm.UC_ARM_REG_PC

    def write(self, data: bytes) -> None:
        self._to.extend(data[: MOST_WAITING - len(self._to)] if len(self._to) + len(data) > MOST_WAITING else data)  # a UART loses the rest, too

    def read(self, timeout_s: float) -> bytes:
        end = time.monotonic() + timeout_s
        while not self._from:
            idle = not self._to
            self._run()
            if time.monotonic() >= end or (idle and self._waits):
                break
        content = bytes(self._from)
        self._from.clear()
        return content

    def _run(self) -> None:
        """Run until the core waits for a byte, or for a slice of time."""
        from unicorn import UcError

        self._waits = False
        try:
            with deferred(self._uc.emu_stop):
                self._uc.emu_start(self._pc | 1, 0xFFFFFFFF, timeout=SLICE_US)
        except UcError as error:
            self._fault = self._fault or str(error)
        self._pc = self._uc.reg_read(self._pc_register)
        if self._fault:
            raise NearwireError(f"{self.where} stopped at 0x{self._pc:08x}: {self._fault}.")

    def _register_read(self, _uc: Any, offset: int, _size: int, _data: Any) -> int:
        if offset == DATA:
            return self._to.popleft() if self._to else 0
        if offset == RECEIVED:
            if not self._to:
                self._waits = True
                self._uc.emu_stop()
            return 1 if self._to else 0
        return self._instructions & 0xFFFFFFFF if offset == INSTRUCTIONS else 0

    def _register_write(self, _uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
        if offset == DATA:
            self._from.append(value & 0xFF)

    def _block(self, _uc: Any, address: int, size: int, _data: Any) -> None:
        key = address << 16 | size
        count = self._lengths.get(key)
        if count is None:
            count = self._lengths[key] = thumb_instructions(bytes(self._uc.mem_read(address, size)))
        self._instructions += count

    def _access(self, _uc: Any, _kind: int, address: int, size: int, _value: int, _data: Any) -> None:
        """To the byte: pages are larger than the memory of a board whose RAM is no multiple of them."""
        memory = self.memory
        in_ram = memory.ram_origin <= address and address + size <= memory.ram_origin + memory.ram_bytes
        in_flash = memory.flash_origin <= address and address + size <= memory.flash_origin + memory.flash_bytes
        if not (in_ram or in_flash or REGISTERS <= address < REGISTERS + PAGE):
            self._fault = f"{size} bytes at 0x{address:08x} are outside the board's memory"
            self._uc.emu_stop()
