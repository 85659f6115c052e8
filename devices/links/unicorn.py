"""An emulated core in this process (the wheels unicorn and pyelftools): loads an ELF, calls its functions, counts instructions.

Counting is exact: a hook at every executed block adds the number of instructions of that block, skipped IT instructions included,
as the core would spend a cycle on them. Without counting no hook is set, so whole test sets run at the emulator's full speed.
"""

from __future__ import annotations

import importlib.util
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.boards.board import Board, Memory
from devices.common.interrupts import deferred
from devices.cost.cycles import block_cycles, timing_of
from devices.errors import InputError, NearwireError, unknown_name
from devices.links.cores import call_registers, engine, instruction_counter

PACKAGES = {"unicorn": "unicorn", "elftools": "pyelftools", "capstone": "capstone"}  # module: package
WINDOW = 0x60000000  # memory of the host: arguments and results, no part of the board's RAM
RETURN = 0x1FFF0000  # a called function returns to here; executable by the default memory map
PAGE = 4096
CLONE = re.compile(r"\.(constprop|isra)\.\d+$")  # how GCC calls a function that it made fit its callers
PAINT = 0xA5
TIME_LIMIT_S = 60.0


@dataclass(frozen=True)
class Image:
    """A linked ELF: what lies where, and how large its sections are."""

    segments: tuple[tuple[int, bytes], ...]  # (address, content); .bss is not among them
    symbols: Mapping[str, int]  # functions and objects: address without the Thumb bit
    lengths: Mapping[str, int]  # functions and objects: bytes
    sizes: Mapping[str, int]  # section: bytes
    ends: Mapping[str, int]  # section: address of its end


@dataclass(frozen=True)
class Count:
    """Executed instructions of one call."""

    total: int
    parts: Mapping[str, int] = field(default_factory=dict)  # marked function: instructions from its entry until the next mark
    cycles: int | None = None  # estimated (devices/cost/cycles.py); None for a core whose timings are not known
    cycle_parts: Mapping[str, int] = field(default_factory=dict)


def missing() -> str | None:
    """None if the emulator is installed; otherwise what is missing and the command that installs it."""
    packages = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    return f"the emulator needs {' and '.join(packages)}. Run: pip install {' '.join(packages)}" if packages else None


def read_image(path: Path) -> Image:
    """The ELF file at ``path``; InputError if it is none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            segments = tuple((s["p_vaddr"], s.data()) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"])
            named = [s for s in elf.iter_sections() if s["sh_flags"] & 2]  # SHF_ALLOC
            symbols = {
                CLONE.sub("", symbol.name): (symbol["st_value"] & (~1 if symbol["st_info"]["type"] == "STT_FUNC" else ~0), int(symbol["st_size"]))
                for table in elf.iter_sections()
                if isinstance(table, SymbolTableSection)
                for symbol in table.iter_symbols()
                if symbol["st_info"]["type"] in ("STT_FUNC", "STT_OBJECT")
            }
            sizes = {s.name: int(s["sh_size"]) for s in named}
            return Image(
                segments=segments,
                symbols={name: address for name, (address, _) in symbols.items()},
                lengths={name: length for name, (_, length) in symbols.items()},
                sizes=sizes,
                ends={s.name: int(s["sh_addr"] + s["sh_size"]) for s in named},
            )
    except (ELFError, OSError) as error:
        raise InputError(f"'{path}' is not a readable ELF file: {error}.") from error


class Core:
    """One emulated core with an image in its memory. Every ``call`` starts with a fresh stack; memory is kept between calls."""

    def __init__(self, image: Image, board: Board, window_bytes: int) -> None:
        """``window_bytes``: size of the memory at WINDOW that caller and firmware share."""
        from unicorn import UC_HOOK_MEM_INVALID

        if board.memory is None or board.emulator is None:
            raise InputError(f"board '{board.name}' is not an emulated core. See 'nearwire devices list'.")
        self.image, self.memory, self.name = image, board.memory, board.core
        self._uc = engine(board.emulator.model)
        for origin, size in _regions(board.memory, window_bytes):
            self._uc.mem_map(origin, -(-size // PAGE) * PAGE)
        for address, content in image.segments:
            self._uc.mem_write(address, content)
        self._fault = ""  # the address of the last access outside the memory
        self._uc.hook_add(UC_HOOK_MEM_INVALID, self._note_fault)
        self._addresses = sorted((address, name) for name, address in image.symbols.items())
        self._block_costs: dict[int, tuple[int, int]] = {}  # instructions and cycles of a block
        self._timing = timing_of(board.emulator.model)
        self._registers, self._instructions = call_registers(board.emulator.model), instruction_counter(board.emulator.model)

    def write(self, address: int, content: bytes) -> None:
        self._uc.mem_write(address, content)

    def read(self, address: int, size: int) -> bytes:
        return bytes(self._uc.mem_read(address, size))

    def call(self, function: str, *arguments: int, time_limit_s: float = TIME_LIMIT_S) -> int:
        """Call a function with up to four integers and return r0. NearwireError on a memory fault or when the time is over."""
        from unicorn import UcError

        registers = self._registers
        if function not in self.image.symbols:
            raise unknown_name("function in the firmware", function, self.image.symbols)
        for register, value in zip(registers.arguments, arguments, strict=False):
            self._uc.reg_write(register, value)
        self._uc.reg_write(registers.stack, self.memory.ram_origin + self.memory.ram_bytes)
        self._uc.reg_write(registers.link, RETURN | registers.entry_bit)
        self._fault = ""
        try:
            with deferred(self._uc.emu_stop):
                self._uc.emu_start(self.image.symbols[function] | registers.entry_bit, RETURN, timeout=int(time_limit_s * 1e6))
        except UcError as error:
            address = self._uc.reg_read(registers.counter)
            raise NearwireError(
                f"the emulated {self.name} stopped in '{self.symbol(address)}' at 0x{address:08x}: {error}{self._fault}. "
                f"Flash is 0x{self.memory.flash_origin:08x}+{self.memory.flash_bytes}, RAM 0x{self.memory.ram_origin:08x}+{self.memory.ram_bytes}."
            ) from error
        address = self._uc.reg_read(registers.counter)
        if address & ~1 != RETURN:
            raise NearwireError(
                f"'{function}' did not return on the emulated {self.name} within {time_limit_s:g} s; it was in '{self.symbol(address)}' at 0x{address:08x}."
            )
        return int(self._uc.reg_read(registers.arguments[0]))

    def count(self, function: str, *arguments: int, marks: tuple[str, ...] = (), time_limit_s: float = TIME_LIMIT_S) -> Count:
        """Call a function and count its instructions; from the entry of a marked function until the next mark they are that function's."""
        from unicorn import UC_HOOK_BLOCK

        entries = {self.image.symbols[name]: name for name in marks}
        parts, cycle_parts = dict.fromkeys(marks, 0), dict.fromkeys(marks, 0)
        total, cycles, current, next_address = 0, 0, "", -1
        costs, timing = self._block_costs, self._timing

        def block(_uc: Any, address: int, size: int, _data: Any) -> None:
            nonlocal total, cycles, current, next_address
            key = address << 16 | size
            cost = costs.get(key)
            if cost is None:
                code = self.read(address, size)
                cost = costs[key] = self._instructions(code), block_cycles(code, timing) if timing else 0
            instructions, spent = cost
            total += instructions
            if timing and address != next_address and next_address >= 0:  # the block before ended with a branch that was taken
                cycles += timing.taken
                if current:
                    cycle_parts[current] += timing.taken
            cycles += spent
            next_address = address + size
            current = entries.get(address, current)
            if current:
                parts[current] += instructions
                cycle_parts[current] += spent

        hook = self._uc.hook_add(UC_HOOK_BLOCK, block)
        self._uc.ctl_flush_tb()
        try:
            self.call(function, *arguments, time_limit_s=time_limit_s)
        finally:
            self._uc.hook_del(hook)
            self._uc.ctl_flush_tb()
        return Count(total, parts, cycles if timing else None, cycle_parts if timing else {})

    def count_by_function(
        self, function: str, *arguments: int, start: str, marks: tuple[str, ...], enter: Mapping[str, Callable[[], None]]
    ) -> list[dict[tuple[str, str], int]]:
        """Call a function; its instructions by (the marked function entered last, the function they belong to), in windows: until ``start``
        is first entered, then from one entry of it to the next. ``enter``: what to do whenever a function is entered, before it runs.
        """
        from unicorn import UC_HOOK_BLOCK

        symbols = self.image.symbols
        starts, entries = symbols[start], {symbols[name]: name for name in marks}
        actions = {symbols[name]: action for name, action in enter.items() if name in symbols}
        costs: dict[tuple[int, int], tuple[str, int]] = {}
        windows: list[dict[tuple[str, str], int]] = [{}]
        mark = ""

        def block(_uc: Any, address: int, size: int, _data: Any) -> None:
            nonlocal mark
            cost = costs.get((address, size))
            if cost is None:
                cost = costs[address, size] = self.symbol(address), self._instructions(self.read(address, size))
            if address == starts:
                windows.append({})
            mark = entries.get(address, mark)
            key = mark, cost[0]
            windows[-1][key] = windows[-1].get(key, 0) + cost[1]
            if address in actions:
                actions[address]()

        hook = self._uc.hook_add(UC_HOOK_BLOCK, block)
        self._uc.ctl_flush_tb()
        try:
            self.call(function, *arguments)
        finally:
            self._uc.hook_del(hook)
            self._uc.ctl_flush_tb()
        return windows

    def set_argument(self, index: int, value: int) -> None:
        """Another argument for the function that is being entered."""
        self._uc.reg_write(self._registers.arguments[index], value)

    def stack_bytes(self, function: str, *arguments: int) -> int:
        """Call a function and return how far its stack went down, in bytes: the memory between data and stack is painted first."""
        floor = max([self.memory.ram_origin, *(self.image.ends[s] for s in (".data", ".bss") if self.image.sizes.get(s))])
        top = self.memory.ram_origin + self.memory.ram_bytes
        self.write(floor, bytes([PAINT]) * (top - floor))
        self.call(function, *arguments)
        stack = self.read(floor, top - floor)
        untouched = len(stack) - len(stack.lstrip(bytes([PAINT])))
        return (top - floor - untouched + 3) // 4 * 4

    def symbol(self, address: int) -> str:
        """The function or object at or before an address."""
        at = bisect_right(self._addresses, (address & ~1, "\uffff")) - 1
        return self._addresses[at][1] if at >= 0 else "?"

    def _note_fault(self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: Any) -> bool:
        self._fault = f", {size} bytes at address 0x{address:08x}"
        return False


def _regions(memory: Memory, window_bytes: int) -> list[tuple[int, int]]:
    return [
        (memory.flash_origin, memory.flash_bytes + PAGE),  # a page more for the calling loop, which is not part of a product
        (memory.ram_origin, memory.ram_bytes),
        (WINDOW, window_bytes),
        (RETURN, PAGE),
    ]
