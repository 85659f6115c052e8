"""What a build costs on a board's core: what budgets are compared with and manifests record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FirmwareFigures:
    """Size and cost of a build on a board's core."""

    constants_bytes: int  # .rodata: weights, biases, shifts
    code_bytes: int  # .text
    flash_bytes: int  # constants + code + initial values of data
    data_bytes: int
    bss_bytes: int
    stack_bytes: int  # high-water mark of nearwire_infer
    ram_bytes: int  # data + bss + stack; the caller's input and scores are not included
    instructions_mean: float  # of one nearwire_infer, over the samples
    instructions_min: int
    instructions_max: int
    instructions_first: int  # of the first inference after a start, which computes what formats keep in RAM
    layer_instructions: Mapping[str, float]  # by layer name, mean
    cycles_mean: float | None  # estimated (devices/cost/cycles.py); None for a core whose timings are not known
    layer_cycles: Mapping[str, float]  # by layer name, mean; empty without cycles_mean
    core: str
    compiler: str
