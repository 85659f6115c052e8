"""A build as a whole firmware for a board: the build's C code, the firmware of ``runtime/firmware`` and the board's port, linked.

Two kinds: ``PROTOCOL`` answers the host on the UART; ``BATCH`` runs a file of samples through under an emulator with semihosting. Either can
be made to time every layer.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from devices.boards.board import Board
from devices.tools.program import PORTS, Program, build
from devices.version import VERSION
from runtime.backends.base import Footprint
from runtime.backends.firmware.answers import Identity
from runtime.backends.firmware.dut import NAME
from runtime.builds.sources import FOLDER, copy_sources
from runtime.network.file import to_bytes
from runtime.network.network import Network

MODEL = ("model.c", "nearwire.c")


@dataclass(frozen=True)
class Kind:
    """What a firmware does."""

    name: str
    sources: tuple[Path, ...]


PROTOCOL = Kind("firmware", tuple(FOLDER / name for name in ("main.c", "protocol.c", "text.c", "timing.c", "model_entry.c")))
BATCH = Kind("batch", (FOLDER / "batch.c", FOLDER / "model_entry.c", PORTS / "semihosting.c"))


def firmware(folder: Path, network: Network, board: Board, work: Path, kind: Kind = PROTOCOL, layers: bool = False) -> Program:
    """Link the build in ``folder`` for a board; files go to ``work``. CheckError if its memory is too small.

    ``layers``: adds up the ticks of every layer, which costs some instructions around each.
    """
    copy_sources(folder, network, work)
    build_identity = identity(network, board, layers)
    defines = {"FIRMWARE_PROFILE": f'"{build_identity.profile}"', "FIRMWARE_MODEL": f'"{build_identity.model}"'}
    options = []
    if layers:
        defines["FIRMWARE_LAYERS"] = "1"
        options = ["-include", str(FOLDER / "layers.h")]
    payload = [work / name for name in MODEL]
    name = f"{kind.name}-layers" if layers else kind.name
    return build(board, work, payload, kind.sources, [work, FOLDER], defines, options, name)


def identity(network: Network, board: Board, layers: bool = False) -> Identity:
    """What the firmware says about itself. The model is called as the recipe it was trained by, in letters that need no quoting."""
    model = re.sub(r"[^\w.+-]", "-", str(network.provenance.get("recipe") or "network"), flags=re.ASCII)
    profile = f"nearwire-{VERSION} {board.name}{' layers' if layers else ''}"
    return Identity(NAME, profile, model, hashlib.sha256(to_bytes(network)).hexdigest())


def footprint_of(program: Program, stack_used: int | None) -> Footprint:
    """The memory of a linked firmware."""
    sizes = program.sizes
    return Footprint(
        board=program.board.name,
        constants=sizes.payload_constants,
        code=sizes.payload_code,
        firmware=sizes.firmware_code + sizes.firmware_constants + sizes.initial_values,
        flash=sizes.flash,
        static=sizes.payload_static,
        firmware_static=sizes.firmware_static,
        stack_reserved=sizes.stack,
        ram=sizes.ram,
        stack_used=stack_used,
        compiler=program.compiler,
    )
