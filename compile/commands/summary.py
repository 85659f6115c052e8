"""What a compile says on the terminal: accuracy through the steps, layers, size and cost, parity, and what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path

from devices.boards.board import load_board
from devices.common.console import print_table
from devices.common.text import say
from runtime.backends.firmware.backend import unmeasured
from runtime.builds.manifest import Manifest
from runtime.commands.spikes import print_neurobench


def print_summary(manifest: Manifest, folder: Path) -> None:
    """Print the tables of a build that was just made in ``folder``."""
    accuracy = manifest.accuracy
    steps = accuracy.steps()
    print_table(
        f"accuracy on {accuracy.samples} test samples of {accuracy.data}",
        ["step", "accuracy", "lost, points"],
        [[name, f"{value:.4f}", f"{(accuracy.float_ - value) * 100:.2f}"] for name, value in steps],
    )
    print_table(
        f"layers for {manifest.board}",
        [
            "layer",
            "kind",
            "shape",
            "parameters",
            "non-zero weights",
            "store",
            "bytes",
            "instructions",
            "predicted",
            "other formats: bytes / RAM / predicted instructions",
        ],
        [
            [
                layer.name,
                layer.kind,
                "x".join(map(str, layer.shape)),
                layer.parameters,
                layer.nonzeros,
                layer.store,
                layer.bytes,
                f"{layer.instructions:,}",
                f"{layer.predicted_instructions:,} ± {layer.ledger[layer.store].error_percent:g} %",
                ", ".join(
                    f"{name} {entry.bytes} / {entry.ram_bytes} / {entry.instructions:,}"
                    for name, entry in layer.ledger.items()
                    if name != layer.store
                ),
            ]
            for layer in manifest.layers
        ],
    )
    if manifest.size and manifest.cost:
        size, cost = manifest.size, manifest.cost
        print_table(
            f"on the {cost.core} (emulated, exact counts; kernels and glue included, startup code not)",
            ["constants B", "code B", "flash B", "RAM B", "of it stack", "instructions", "cycles, estimated", "us, estimated"],
            [
                [
                    size.constants_bytes,
                    size.code_bytes,
                    size.flash_bytes,
                    size.ram_bytes,
                    size.stack_bytes,
                    f"{cost.instructions:,}",
                    "-" if cost.cycles is None else f"{cost.cycles:,}",
                    "-" if cost.latency_us is None else f"{cost.latency_us:,.0f}",
                ]
            ],
        )
        if cost.instructions_first > 2 * cost.instructions_max:
            say(f"the first inference takes {cost.instructions_first:,} instructions: it computes weights into RAM")
    else:
        say(f"size and instructions not measured: {unmeasured(load_board(manifest.board))}")
    if manifest.neurobench:
        print_neurobench(manifest.neurobench, manifest.cost)
    print_table(
        "scores against the integer reference",
        ["backend", "samples", "label mismatches", "largest difference", "executed by"],
        [
            [name, record.samples, record.label_mismatches, record.max_abs_difference, record.detail]
            if record
            else [name, "-", "-", "-", "missing here: see 'nearwire devices doctor'"]
            for name, record in manifest.parity.items()
        ],
    )
    if spiked := [f"{name} {record.spike_samples}" for name, record in manifest.parity.items() if record and record.spike_samples]:
        say(f"every spike of every neuron is the reference's, over samples: {', '.join(spiked)}")
    say(f"build:  {folder}")
    for name, library in manifest.packages.items():
        say(f"{name} library: {folder / library}")
    say(f"report: {folder / 'report.html'}   (opens in any browser, offline; report.md is the same for the terminal)")
    say(f"next:   nearwire runtime run {shlex.quote(str(folder))} --backend c   (also: bench, profile)")
