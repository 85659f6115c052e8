"""``nearwire runtime profile``: what every layer costs, and on a microcontroller what the whole firmware takes of the board."""

from __future__ import annotations

from typing import Annotated

import typer

from devices.boards.board import load_board
from devices.common.console import JsonOption, print_json, print_table
from devices.common.text import say
from runtime.backends import Footprint
from runtime.backends.registry import PROFILE, default_for
from runtime.backends.trust import require_trust
from runtime.builds.checked import open_build
from runtime.commands.choices import (
    BuildArgument,
    DeviceOption,
    ProfileBackendOption,
    TrustOption,
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
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show what every layer costs; of a spiking network its spikes; on a microcontroller also flash, RAM and stack of the whole firmware."""
    opened = open_build(build)
    chosen = backend or (default_backend(device) if device else default_for(PROFILE))
    require_trust(opened, [chosen], trust)
    measured = run_profile(opened, chosen, measured_samples(opened, input_file, data, count), device)
    spikes = opened.manifest.neurobench
    if json:
        print_json(measured.to_dict() | ({"neurobench": spikes.model_dump(by_alias=True, mode="json")} if spikes else {}))
        return
    _print_layers(str(build), measured)
    if spikes:
        print_neurobench(spikes, opened.manifest.cost)
    if measured.footprint:
        _print_memory(measured.footprint)


def _print_layers(build: str, measured: Profile) -> None:
    cells = [
        [r.name, number(r.time_us, ".3f"), number(r.instructions, ",.0f"), number(r.cycles, ",.0f"), f"{r.share:.1%}", r.note] for r in measured.rows
    ]
    if measured.instructions is not None or measured.time_us is not None:
        cells.append(
            ["whole inference", number(measured.time_us, ".3f"), number(measured.instructions, ",.0f"), number(measured.cycles, ",.0f"), "", ""]
        )
    header = ["layer", "us, measured", "instructions, exact", "cycles, estimated", "share", "note"]
    used = [True, *(any(row[k] != "-" for row in cells) for k in (1, 2, 3)), True, True]
    print_table(
        f"{build} on {measured.detail}, mean of {measured.samples} samples",
        [name for name, shown in zip(header, used, strict=True) if shown],
        [[cell for cell, shown in zip(row, used, strict=True) if shown] for row in cells],
    )
    if measured.estimated_us is not None:
        say(f"estimated {measured.estimated_us:,.1f} us an inference at the board's clock, with memory that never waits; not measured")


def _print_memory(footprint: Footprint) -> None:
    memory = load_board(footprint.board).memory
    flash, ram = (memory.flash_bytes, memory.ram_bytes) if memory else (0, 0)
    rows = [
        ["flash", "constants of the network: weights, biases, shifts", footprint.constants],
        ["flash", "code of the network: kernels in use, one function a layer", footprint.code],
        ["flash", "firmware: start-up, vectors, UART, timer, protocol, texts", footprint.firmware],
        ["flash", f"total, of {flash:,} on the board", footprint.flash],
        ["RAM", "buffers of the network", footprint.static],
        ["RAM", "firmware: an input, scores, a line of the protocol", footprint.firmware_static],
        ["RAM", f"stack set aside{'' if footprint.stack_used is None else f' (most used: {footprint.stack_used})'}", footprint.stack_reserved],
        ["RAM", f"total, of {ram:,} on the board", footprint.ram],
    ]
    print_table(
        f"memory of the linked firmware for {footprint.board}, {footprint.compiler}", ["", "what", "bytes"], [[a, b, f"{c:,}"] for a, b, c in rows]
    )
