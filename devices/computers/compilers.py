"""The C compiler for static programs of a Linux computer: this computer's own where the architecture is the same, else zig."""

from __future__ import annotations

import platform

from devices.boards.board import Board, Toolchain
from devices.computers.base import Computer, target_of
from devices.tools.toolchain import Compiler, compiler_for


def static_compilers(board: Board, computer: Computer) -> tuple[Compiler, Compiler]:
    """(compiler that knows the core, linker that knows only the architecture: so zig makes its C library once for all cores)."""
    if computer.architecture == platform.machine():
        own = compiler_for(Toolchain(compiler="host"))
        return own, own
    target = board.toolchain.target or target_of(computer)
    return (
        compiler_for(Toolchain(compiler="zig", target=target, cpu=board.toolchain.cpu)),
        compiler_for(Toolchain(compiler="zig", target=target)),
    )
