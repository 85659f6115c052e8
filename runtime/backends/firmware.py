"""``firmware``: the build's C code cross-compiled for a microcontroller's core and run on an emulated one, from pip packages only.

Scores are computed at the emulator's full speed; instruction counts are exact. Sizes are those of the linked program: constants are its
.rodata, code its .text (kernels in use, one function a layer, nearwire_infer, nearwire_classify, and what the compiler adds), without start-up
code, vector table, class names and the loop that the emulator calls.
"""

from __future__ import annotations

import string
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from devices import toolchain
from devices.board import Board, load_board
from devices.errors import CheckError, InputError, NearwireError
from devices.links import unicorn
from devices.links.unicorn import WINDOW, Core, Image, read_image
from devices.toolchain import compiler_for
from runtime.backends.base import Backend, LayerFigure, Session
from runtime.backends.sources import FOLDER, copy_sources
from runtime.network import Array, Network

ENTRY = "core.c"
DEFAULT_BOARD = "emulated-cortex-m4"
BATCH = 128  # samples in the emulator's memory at a time
ALIGN = 64
LINK = ("-g", "-ffunction-sections", "-fdata-sections", "-fomit-frame-pointer", "-Wl,--gc-sections", "-Wl,-e,nearwire_batch")


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
    layer_instructions: Mapping[str, float]  # by layer name, mean
    core: str
    compiler: str


class FirmwareSession(Session):
    """A build linked for a board and loaded into an emulated core."""

    def __init__(self, folder: Path, network: Network, board: Board) -> None:
        self.network, self.board = network, board
        self.image, self.compiler = link(folder, network, board)
        self.data_bytes, self.bss_bytes = (self.image.sizes.get(name, 0) for name in (".data", ".bss"))
        self.constants_bytes, self.code_bytes = (self.image.sizes.get(name, 0) for name in (".rodata", ".text"))
        self.flash_bytes = self.constants_bytes + self.code_bytes + self.data_bytes
        _require_memory(self.flash_bytes, self.data_bytes + self.bss_bytes, 0, board)
        self._inputs, self._outputs = network.input.size, len(network.classes)
        self._scores_at = WINDOW + -(-BATCH * self._inputs // ALIGN) * ALIGN
        self._core = Core(self.image, board, self._scores_at - WINDOW + BATCH * self._outputs * 4)
        self._layer_functions = tuple(f"nearwire_layer_{k}" for k in range(len(network.layers)))
        self._cut_functions = tuple(name for name in ("nearwire_cut_input",) if name in self.image.symbols)  # where no kernel cuts itself
        self.detail = f"emulated {board.core}, {self.compiler}"

    def scores(self, samples: Array) -> Array:
        flat = self._samples(samples)
        result = np.empty((len(flat), self._outputs), np.int32)
        for at in range(0, len(flat), BATCH):
            part = flat[at : at + BATCH]
            self._core.write(WINDOW, part.tobytes())
            self._core.call("nearwire_batch", WINDOW, len(part), self._scores_at)
            content = self._core.read(self._scores_at, len(part) * self._outputs * 4)
            result[at : at + len(part)] = np.frombuffer(content, "<i4").reshape(len(part), self._outputs)
        return result

    def time_ns(self, sample: Array, runs: int) -> None:
        return None

    def timer_ns(self, runs: int) -> None:
        return None

    def instructions(self, samples: Array) -> Array:
        return np.array([self._count(sample)[0] for sample in self._samples(samples)], np.int64)

    def layers(self, samples: Array) -> list[LayerFigure]:
        counts = [self._count(sample)[1] for sample in self._samples(samples)]
        if not counts:
            return []
        means = np.mean(counts, axis=0)
        return [
            LayerFigure(layer.name, instructions=float(mean), note=layer.store or "") for layer, mean in zip(self.network.layers, means, strict=True)
        ]

    def figures(self, samples: Array) -> FirmwareFigures:
        """Sizes, and the cost over uint8 samples (n, inputs), n >= 1; CheckError if the board's memory is exceeded."""
        flat = self._samples(samples)
        if len(flat) == 0:
            raise InputError("there is no sample to measure with. Give at least one.")
        counts = [self._count(sample) for sample in flat]
        totals = np.array([total for total, _ in counts])
        means = np.mean([parts for _, parts in counts], axis=0)
        self._core.write(WINDOW, flat[0].tobytes())
        stack = self._core.stack_bytes("nearwire_infer", WINDOW, self._scores_at)
        _require_memory(self.flash_bytes, self.data_bytes + self.bss_bytes, stack, self.board)
        return FirmwareFigures(
            constants_bytes=self.constants_bytes,
            code_bytes=self.code_bytes,
            flash_bytes=self.flash_bytes,
            data_bytes=self.data_bytes,
            bss_bytes=self.bss_bytes,
            stack_bytes=stack,
            ram_bytes=self.data_bytes + self.bss_bytes + stack,
            instructions_mean=float(totals.mean()),
            instructions_min=int(totals.min()),
            instructions_max=int(totals.max()),
            layer_instructions={layer.name: float(mean) for layer, mean in zip(self.network.layers, means, strict=True)},
            core=self.board.core,
            compiler=self.compiler,
        )

    def _count(self, sample: Array) -> tuple[int, list[int]]:
        """(instructions of one inference, of each layer); cutting the input counts as the first layer's."""
        self._core.write(WINDOW, sample.tobytes())
        count = self._core.count("nearwire_infer", WINDOW, self._scores_at, marks=self._cut_functions + self._layer_functions)
        parts = [count.parts[name] for name in self._layer_functions]
        parts[0] += sum(count.parts[name] for name in self._cut_functions)
        return count.total, parts

    def _samples(self, samples: Array) -> Array:
        if samples.dtype != np.uint8 or samples.ndim != 2 or samples.shape[1] != self._inputs:
            raise InputError(f"samples are {samples.dtype} of shape {samples.shape}; the network reads uint8 of shape (n, {self._inputs}).")
        return np.ascontiguousarray(samples)


def link(folder: Path, network: Network, board: Board) -> tuple[Image, str]:
    """Compile and link a build's C code for a board's core: the program, and the compiler with its flags for reports."""
    if board.memory is None:
        raise InputError(f"board '{board.name}' is not a microcontroller. See 'python -m devices list'.")
    compiler = compiler_for(board.toolchain)
    with tempfile.TemporaryDirectory(prefix="nearwire-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        copy_sources(folder, network, place, ENTRY)
        template = string.Template((FOLDER / "memory.ld.in").read_text(encoding="ascii"))
        script = template.substitute(flash_origin=hex(board.memory.flash_origin), ram_origin=hex(board.memory.ram_origin))
        (place / "memory.ld").write_text(script, encoding="ascii")
        program = place / "firmware.elf"
        sources = [place / "nearwire.c", place / "model.c", place / ENTRY]
        compiler.run(
            ["-std=c99", *board.toolchain.flags, *LINK, "-T", place / "memory.ld", "-o", program, *sources], f"'{folder / 'c'}' for {board.core}"
        )
        return read_image(program), f"{compiler.detail} {' '.join(board.toolchain.flags)}"


def measure(folder: Path, network: Network, board: Board, samples: Array) -> FirmwareFigures | None:
    """Size and cost of a build on a board; None where the board is no emulated core or something it needs is not installed.

    CheckError with required and available if the build does not fit the board's memory.
    """
    if not board.emulated or unusable(board):
        return None
    session = FirmwareSession(folder, network, board)
    try:
        return session.figures(samples)
    finally:
        session.close()


def unmeasured(board: Board) -> str:
    """Why ``measure`` gives nothing on this board, and what to do."""
    if not board.emulated:
        return f"'{board.name}' is not an emulated core, and only those are counted and sized. Give one of 'python -m devices list' with --board"
    return f"{unusable(board) or 'what it needs was missing when the build was made'} ('python -m devices doctor' shows all boards)"


def unusable(board: Board) -> str | None:
    """None if an emulated board can work here; otherwise what is missing and the command that installs it."""
    return unicorn.missing() or toolchain.missing(board.toolchain)


class FirmwareBackend(Backend):
    """Builds run on the board they were made for where that is an emulated core, else on a Cortex-M4."""

    name = "firmware"

    def __init__(self, board: str | None = None) -> None:
        self.board = board

    def on(self, board: str | None) -> Backend:
        return self if board is None else FirmwareBackend(board)

    def missing(self) -> str | None:
        return unusable(load_board(self.board or DEFAULT_BOARD))

    def open(self, folder: Path, network: Network) -> Session:
        board = load_board(self.board or _board_of(folder))
        if not board.emulated:
            raise InputError(f"board '{board.name}' is not an emulated core. See 'python -m devices list'.")
        if reason := unusable(board):
            raise NearwireError(f"backend '{self.name}' cannot work here: {reason}")
        return FirmwareSession(folder, network, board)


def _board_of(folder: Path) -> str:
    from runtime.manifest import read_manifest

    if not (folder / "manifest.json").is_file():
        return DEFAULT_BOARD
    name = read_manifest(folder).board
    return name if load_board(name).emulated else DEFAULT_BOARD


def _require_memory(flash: int, static: int, stack: int, board: Board) -> None:
    memory = board.memory
    if memory is None:
        return
    if flash > memory.flash_bytes:
        raise CheckError(
            f"the build needs {flash} bytes of flash, board '{board.name}' has {memory.flash_bytes}. Prune more, or take a format with fewer bytes."
        )
    if static + stack > memory.ram_bytes:
        raise CheckError(
            f"the build needs {static + stack} bytes of RAM ({static} static, {stack} stack), board '{board.name}' has {memory.ram_bytes}. "
            "Make the widest pair of neighbouring layers narrower."
        )


BACKEND = FirmwareBackend()
