"""Estimated cycles of executed code on a Cortex-M, from the instruction timings of Arm's reference manuals, with memory that never waits.

A block of code costs the sum of its instructions; a branch that is taken costs ``taken`` more, to fill the pipeline again. An estimate, and to be
called one: flash wait states, caches and bus contention of a real board are not in it. Only for cores that issue one instruction at a time
and whose timings Arm publishes: not for Cortex-M7 and M33.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Cycles of the instructions that take more than one."""

    load: int  # a single load
    next_load: int  # one behind another load: on the M3 and M4 their address phases overlap
    store: int
    multiply_long: int
    divide: int  # on average; it depends on the operands
    taken: int  # more for a branch that is taken


# Cortex-M3, M4: technical reference manuals, "Instruction set summary". Cortex-M0+: the same, with the single-cycle multiplier.
TIMINGS = {
    "cortex-m0": Timing(load=2, next_load=2, store=2, multiply_long=1, divide=1, taken=1),
    "cortex-m3": Timing(load=2, next_load=1, store=1, multiply_long=4, divide=7, taken=2),
    "cortex-m4": Timing(load=2, next_load=1, store=1, multiply_long=1, divide=7, taken=2),
}
MULTIPLE = re.compile(r"^(ldm|stm|push|pop|vldm|vstm|vpush|vpop)")
DOUBLE = re.compile(r"^(ldrd|strd)")
LOAD = re.compile(r"^(ldr|vldr)")
STORE = re.compile(r"^(str|vstr)")
LONG = re.compile(r"^[su]m(ull|lal)")
DIVIDE = re.compile(r"^[su]div")
CALL = re.compile(r"^blx?$")


def timing_of(model: str) -> Timing | None:
    """The timings of an emulated core (a name of devices.links.cores.MODELS); None where there are none to go by."""
    return TIMINGS.get(model)


@cache
def _disassembler() -> Any:
    import capstone

    return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)


def block_cycles(code: bytes, timing: Timing) -> int:
    """Cycles of a block of Thumb code, the branch at its end not taken."""
    total, loaded = 0, False
    for _, _, name, operands in _disassembler().disasm_lite(code, 0):
        mnemonic = name.split(".")[0]
        load = bool(LOAD.match(mnemonic)) and not DOUBLE.match(mnemonic)
        total += _cycles(mnemonic, operands, timing, load and loaded)
        loaded = load
    return total


def _cycles(mnemonic: str, operands: str, timing: Timing, behind_load: bool) -> int:
    if MULTIPLE.match(mnemonic):
        return 1 + operands[operands.find("{") :].count(",") + 1
    if DOUBLE.match(mnemonic):
        return 3
    if LOAD.match(mnemonic):
        return timing.next_load if behind_load else timing.load
    if STORE.match(mnemonic):
        return timing.store
    if LONG.match(mnemonic):
        return timing.multiply_long
    if DIVIDE.match(mnemonic):
        return timing.divide
    return 2 if CALL.match(mnemonic) and timing.taken == 1 else 1
