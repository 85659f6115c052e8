"""``nearwire runtime profile``: what every layer costs, and on a microcontroller what the whole firmware takes of the board."""

from __future__ import annotations

from typing import Annotated

import typer

from devices.boards.board import load_board
from devices.common.console import JsonOption, print_json, print_table, say
from runtime.backends import Footprint
from runtime.backends.registry import PROFILE, default_for
from runtime.builds.checked import open_build
from runtime.commands.choices import (
    BuildArgument,
    DeviceOption,
    ProfileBackendOption,
    VectorDataOption,
    VectorInputOption,
    default_backend,
    measured_samples,
    number,
)
from runtime.commands.spikes import print_neurobench
from runtime.measure.profile import Profile
from runtime.measure.profile import profile as run_profile


def profile(
    build: BuildArgument,
    backend: ProfileBackendOption = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Test samples to average over.")] = 5,
    input_file: VectorInputOption = None,
    data: VectorDataOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what every layer costs; of a spiking network its spikes; on a microcontroller also flash, RAM and stack of the whole firmware."""
    opened = open_build(build)
    found = run_profile(
        opened, backend or (default_backend(device) if device else default_for(PROFILE)), measured_samples(opened, input_file, data, count), device
    )
    spikes = opened.manifest.neurobench
    if json:
        print_json(found.to_dict() | ({"neurobench": spikes.model_dump(by_alias=True, mode="json")} if spikes else {}))
        return
    _print_layers(str(build), found)
    if spikes:
        print_neurobench(spikes, opened.manifest.cost)
    if found.footprint:
        _print_memory(found.footprint)


def _print_layers(build: str, found: Profile) -> None:
    cells = [
        [r.name, number(r.time_us, ".3f"), number(r.instructions, ",.0f"), number(r.cycles, ",.0f"), f"{r.share:.1%}", r.note] for r in found.rows
    ]
    if found.instructions is not None or found.time_us is not None:
        cells.append(["whole inference", number(found.time_us, ".3f"), number(found.instructions, ",.0f"), number(found.cycles, ",.0f"), "", ""])
    header = ["layer", "us, measured", "instructions, exact", "cycles, estimated", "share", "note"]
    used = [True, *(any(row[k] != "-" for row in cells) for k in (1, 2, 3)), True, True]
    print_table(
        f"{build} on {found.detail}, mean of {found.samples} samples",
        [name for name, shown in zip(header, used, strict=True) if shown],
        [[cell for cell, shown in zip(row, used, strict=True) if shown] for row in cells],
    )
    if found.estimated_us is not None:
        say(f"estimated {found.estimated_us:,.1f} us an inference at the board's clock, with memory that never waits; not measured")


def _print_memory(found: Footprint) -> None:
    memory = load_board(found.board).memory
    flash, ram = (memory.flash_bytes, memory.ram_bytes) if memory else (0, 0)
    rows = [
        ["flash", "constants of the network: weights, biases, shifts", found.constants],
        ["flash", "code of the network: kernels in use, one function a layer", found.code],
        ["flash", "firmware: start-up, vectors, UART, timer, protocol, texts", found.firmware],
        ["flash", f"total, of {flash:,} on the board", found.flash],
        ["RAM", "buffers of the network", found.static],
        ["RAM", "firmware: an input, scores, a line of the protocol", found.firmware_static],
        ["RAM", f"stack set aside{'' if found.stack_used is None else f' (most used: {found.stack_used})'}", found.stack_reserved],
        ["RAM", f"total, of {ram:,} on the board", found.ram],
    ]
    print_table(f"memory of the linked firmware for {found.board}, {found.compiler}", ["", "what", "bytes"], [[a, b, f"{c:,}"] for a, b, c in rows])
