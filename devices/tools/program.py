"""A program for a board: C sources and the board's port, compiled and linked; its sizes, checked against the board's memory.

In: ``payload`` sources (what a product would carry into its own firmware; their sizes are told apart) and the sources of the firmware around
them. Out: an ELF file that starts by itself, and what it takes of flash and RAM. RAM is .data, .bss and the bytes set aside for the stack, so it
is known when the program is linked: the board needs exactly that much.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.boards.board import Board, Memory, Port
from devices.errors import CheckError, InputError
from devices.tools.images import flash_content
from devices.tools.toolchain import compiler_for

PORTS = Path(__file__).parents[1] / "ports"
COMPILE = ("-std=c99", "-g", "-ffunction-sections", "-fdata-sections", "-fomit-frame-pointer")
LINK = ("-Wl,--gc-sections", "-Wl,-e,port_reset", "-Wl,--build-id=none")
SPAN_BYTES = 0x1000000  # of each memory for the linker: sizes are checked here, where the message can say more
PAYLOAD = "payload_"  # how the object files of the payload are called
CONSTANTS = """
    .rodata.payload : { $payload . = ALIGN(4); } > FLASH : constants
    .rodata : { *(.rodata .rodata.* .srodata .srodata.*) . = ALIGN(4); } > FLASH"""
# Where constants are read through another window than code: at the same offset in it.
CONSTANTS_ELSEWHERE = """
    .rodata.payload ORIGIN(RODATA) + LOADADDR(.text) + SIZEOF(.text) - ORIGIN(FLASH) : { $payload . = ALIGN(4); } > RODATA AT> FLASH : constants
    .rodata : { *(.rodata .rodata.* .srodata .srodata.*) . = ALIGN(4); } > RODATA AT> FLASH"""


@dataclass(frozen=True)
class Sizes:
    """Bytes of a linked program. Payload: model and kernels in use; firmware: start-up, vectors, port, and what uses the payload."""

    payload_constants: int
    payload_code: int
    payload_static: int  # initialised and zeroed variables of the payload, in RAM
    firmware_constants: int
    firmware_code: int
    firmware_static: int
    initial_values: int  # of variables, in flash
    stack: int  # set aside

    @property
    def flash(self) -> int:
        return self.payload_constants + self.payload_code + self.firmware_constants + self.firmware_code + self.initial_values

    @property
    def ram(self) -> int:
        return self.payload_static + self.firmware_static + self.stack

    @property
    def code(self) -> int:
        """All code, and the constants that are not the payload's: what a firmware costs without the payload's data."""
        return self.payload_code + self.firmware_code + self.firmware_constants + self.initial_values


@dataclass(frozen=True)
class Program:
    """An ELF file for a board."""

    path: Path
    board: Board
    sizes: Sizes
    compiler: str  # name, version and flags


def build(
    board: Board,
    folder: Path,
    payload: Sequence[Path],
    firmware: Sequence[Path],
    include: Sequence[Path],
    defines: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    name: str = "firmware",
) -> Program:
    """Compile and link a program into ``folder``; CheckError with required and available bytes if the board's memory is too small.

    ``defines``: preprocessor constants for all sources, strings as C text. ``options``: more compiler options for the payload.
    """
    if board.port is None or board.memory is None:
        raise InputError(f"board '{board.name}' has no port: no firmware can be made for it. See 'nearwire devices list'.")
    compiler = compiler_for(board.toolchain)
    shared = [*COMPILE, *compiler.flags, *(f"-I{path}" for path in (*include, PORTS))]
    shared += [f"-D{key}={value}" for key, value in sorted({**board.port.defines, **(defines or {})}.items())]
    objects = []
    for source in payload:
        objects.append(folder / f"{PAYLOAD}{source.stem}.o")
        compiler.run([*shared, *options, "-c", "-o", objects[-1], source], f"'{source.name}' for {board.core}")
    script = folder / "memory.ld"
    script.write_text(linker_script(board.memory, board.port), encoding="ascii")
    path = folder / f"{name}.elf"
    sources = [*firmware, *(PORTS / file for file in board.port.sources)]
    compiler.run([*shared, *LINK, "-T", script, "-o", path, *objects, *sources, *compiler.libraries], f"the firmware for '{board.name}'")
    sizes = read_sizes(path, board.memory)
    require_memory(sizes, board)
    return Program(path, board, sizes, compiler.description)


def linker_script(memory: Memory, port: Port) -> str:
    """The linker script of a board."""
    elsewhere = port.constants_origin
    constants = string.Template(CONSTANTS if elsewhere is None else CONSTANTS_ELSEWHERE)
    return string.Template((PORTS / "memory.ld.in").read_text(encoding="ascii")).substitute(
        flash_origin=hex(memory.flash_origin),
        flash_length=SPAN_BYTES,
        constants_origin=hex(memory.flash_origin if elsewhere is None else elsewhere),
        ram_origin=hex(memory.ram_origin),
        ram_length=SPAN_BYTES,
        stack_bytes=port.stack_bytes,
        payload_text=f"*{PAYLOAD}*(.text .text.*)",
        payload_bss=f"*{PAYLOAD}*(.bss .bss.* .sbss .sbss.* COMMON)",
        constants=constants.substitute(payload=f"*{PAYLOAD}*(.rodata .rodata.* .srodata .srodata.*)"),
    )


def read_sizes(path: Path, memory: Memory) -> Sizes:
    """The sizes of a linked program. What lies between two sections so that the next one is aligned counts as the firmware's."""
    from devices.links.unicorn import read_image

    image = read_image(path)
    size = image.sizes
    data = size.get(".data", 0)
    payload = [size.get(f"{name}.payload", 0) for name in (".rodata", ".text", ".bss")]
    code = size.get(".boot", 0) + size.get(".vectors", 0) + size.get(".text", 0)
    flash = len(flash_content(path)[1])
    ram = max(image.ends[name] for name in (".stack", ".data", ".bss.payload", ".bss") if name in image.ends) - memory.ram_origin
    return Sizes(
        payload_constants=payload[0],
        payload_code=payload[1],
        payload_static=payload[2],
        firmware_constants=flash - payload[0] - payload[1] - code - data,
        firmware_code=code,
        firmware_static=ram - payload[2] - size.get(".stack", 0),
        initial_values=data,
        stack=size.get(".stack", 0),
    )


def require_memory(sizes: Sizes, board: Board) -> None:
    """CheckError if the program does not fit the board."""
    memory = board.memory
    if memory is None:
        return
    if sizes.flash > memory.flash_bytes:
        raise CheckError(
            f"the firmware needs {sizes.flash} bytes of flash ({sizes.payload_constants} constants and {sizes.payload_code} code of the network, "
            f"{sizes.firmware_constants + sizes.firmware_code + sizes.initial_values} of the firmware around it), board '{board.name}' has "
            f"{memory.flash_bytes}. Prune more, or take a format with fewer bytes."
        )
    if sizes.ram > memory.ram_bytes:
        raise CheckError(
            f"the firmware needs {sizes.ram} bytes of RAM ({sizes.payload_static} of the network, {sizes.firmware_static} of the firmware, "
            f"{sizes.stack} stack), board '{board.name}' has {memory.ram_bytes}. Make the widest pair of neighbouring layers narrower."
        )
