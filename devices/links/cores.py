"""The cores that unicorn emulates: which engine, which registers a call uses, how long an instruction is.

To add a core of these two instruction sets: a line in ``MODELS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devices.errors import unknown_name

# Board files name these. None: unicorn's core of all standard extensions; what a program may use, its compiler decides.
MODELS = {
    "cortex-m0": "UC_CPU_ARM_CORTEX_M0",  # the instruction set of the M0+ is the same
    "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
    "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
    "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
    "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
    "rv32imac": None,
}


@dataclass(frozen=True)
class CallRegisters:
    """Registers of the calling convention, as unicorn numbers them."""

    arguments: tuple[int, ...]  # the first is the result as well
    stack: int
    link: int
    counter: int  # program counter
    entry_bit: int  # set in addresses that are called: Thumb


def engine(model: str) -> Any:
    """A new core; InputError with the nearest name if there is none such."""
    import unicorn
    from unicorn import arm_const

    if model not in MODELS:
        raise unknown_name("emulated core", model, MODELS)
    if is_riscv(model):
        return unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    emulator = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)  # UC_MODE_MCLASS would force an M33
    emulator.ctl_set_cpu_model(getattr(arm_const, str(MODELS[model])))
    return emulator


def is_riscv(model: str) -> bool:
    return model.startswith("rv32")


def call_registers(model: str) -> CallRegisters:
    """How a function of this core is called."""
    from unicorn import arm_const as arm
    from unicorn import riscv_const as riscv

    if is_riscv(model):
        arguments = (riscv.UC_RISCV_REG_A0, riscv.UC_RISCV_REG_A1, riscv.UC_RISCV_REG_A2, riscv.UC_RISCV_REG_A3)
        return CallRegisters(arguments, riscv.UC_RISCV_REG_SP, riscv.UC_RISCV_REG_RA, riscv.UC_RISCV_REG_PC, 0)
    arguments = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
    return CallRegisters(arguments, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, 1)


def instruction_counter(model: str) -> Callable[[bytes], int]:
    """A function that tells how many instructions a block of this core's code is."""
    return _riscv_instructions if is_riscv(model) else thumb_instructions


def thumb_instructions(code: bytes) -> int:
    """An instruction is four bytes long if its first halfword starts with 11101, 11110 or 11111, else two."""
    at = count = 0
    while at < len(code):
        at += 4 if code[at + 1] >> 3 in (0x1D, 0x1E, 0x1F) else 2
        count += 1
    return count


def _riscv_instructions(code: bytes) -> int:
    """An instruction is four bytes long if its two lowest bits are set, else two."""
    at = count = 0
    while at < len(code):
        at += 4 if code[at] & 3 == 3 else 2
        count += 1
    return count
