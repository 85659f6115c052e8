"""``firmware``: the build's C code cross-compiled for a microcontroller's core and run on an emulated one, from pip packages only.

Scores are computed at the emulator's full speed; instruction counts are exact. Sizes are those of the linked program: constants are its
.rodata, code its .text (kernels in use, one function a layer, nearwire_infer, nearwire_classify, and what the compiler adds), without start-up
code, vector table, class names and the loop that the emulator calls.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from devices.boards.board import Board
from devices.common.temporary import temporary_folder
from devices.errors import DoesNotFit, InputError
from devices.links import open_link
from devices.links.unicorn import WINDOW, Core, Count, Image, read_image
from devices.tools.toolchain import compiler_for
from runtime.backends.base import Footprint, LayerFigure, Session
from runtime.backends.c.recording import HEADER, layer_spikes, record_bytes, record_flags
from runtime.backends.firmware.dut import Dut
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.backends.firmware.program import firmware, footprint_of
from runtime.builds.sources import FOLDER, copy_sources
from runtime.network.network import Array, Network

ENTRY = "core.c"
BATCH = 128  # samples in the emulator's memory at a time
ALIGN = 64
FIRST_LAYER = ("nearwire_cut_input", "nearwire_layer_0_begin", "nearwire_code")  # functions besides nearwire_layer_0, where a network has them
STACK_ROOM = 1024  # bytes: with less left for it, the stack is measured before anything runs
LINK = ("-g", "-ffunction-sections", "-fdata-sections", "-fomit-frame-pointer", "-Wl,--gc-sections", "-Wl,-e,nearwire_batch")


class FirmwareSession(Session):
    """A build linked for a board and loaded into an emulated core."""

    tells_spikes = True

    def __init__(self, folder: Path, network: Network, board: Board, linked: tuple[Image, str] | None = None) -> None:
        """``linked``: what ``link`` gave for the same build and board, where the caller has it already."""
        self.network, self.board, self._folder = network, board, folder
        self.image, self.compiler = linked or link(folder, network, board)
        self.data_bytes, self.bss_bytes = (self.image.sizes.get(name, 0) for name in (".data", ".bss"))
        self.constants_bytes, self.code_bytes = (self.image.sizes.get(name, 0) for name in (".rodata", ".text"))
        self.flash_bytes = self.constants_bytes + self.code_bytes + self.data_bytes
        _require_memory(self.flash_bytes, self.data_bytes + self.bss_bytes, 0, board)
        self._inputs, self._outputs = network.input.size, len(network.classes)
        self.scores_at = WINDOW + -(-BATCH * self._inputs // ALIGN) * ALIGN
        window_bytes = self.scores_at - WINDOW + BATCH * self._outputs * 4
        if board.memory and board.memory.ram_bytes - self.data_bytes - self.bss_bytes < STACK_ROOM:  # a stack that runs over would only crash
            stack = Core(self.image, with_more_ram(board), window_bytes).stack_bytes("nearwire_infer", WINDOW, self.scores_at)
            _require_memory(self.flash_bytes, self.data_bytes + self.bss_bytes, stack, board)
        self.core = Core(self.image, board, window_bytes)
        self._layer_functions = tuple(f"nearwire_layer_{k}" for k in range(len(network.layers)))
        self._first_functions = tuple(name for name in FIRST_LAYER if name in self.image.symbols)
        self.clock_hz = board.clock_hz
        self._first = 0  # instructions of the first inference
        memory = "" if board.link == "unicorn" else f" with the memory of {board.name}"
        self.detail = f"emulated {board.core}{memory}, {self.compiler}"

    def anew(self) -> FirmwareSession:
        """The same program in a core of its own, on which nothing has run."""
        return FirmwareSession(self._folder, self.network, self.board, (self.image, self.compiler))

    def scores(self, samples: Array) -> Array:
        flat = self._samples(samples)
        result = np.empty((len(flat), self._outputs), np.int32)
        for at in range(0, len(flat), BATCH):
            part = flat[at : at + BATCH]
            self.core.write(WINDOW, part.tobytes())
            self.core.call("nearwire_batch", WINDOW, len(part), self.scores_at)
            content = self.core.read(self.scores_at, len(part) * self._outputs * 4)
            result[at : at + len(part)] = np.frombuffer(content, "<i4").reshape(len(part), self._outputs)
        return result

    def spikes(self, samples: Array) -> list[Array]:
        flat, size = self._samples(samples), record_bytes(self.network)
        record = np.zeros((len(flat), size), np.uint8)
        image, _ = link(self._folder, self.network, self.board, (*record_flags(self.network), "-include", HEADER))
        rows_at = WINDOW + -(-self._inputs // ALIGN) * ALIGN
        scores_at = rows_at + -(-size // ALIGN) * ALIGN
        core = Core(image, with_more_ram(self.board), scores_at - WINDOW + 4 * self._outputs)
        for k, sample in enumerate(flat):
            core.write(WINDOW, sample.tobytes())
            core.write(rows_at, bytes(size))
            core.call("nearwire_record", WINDOW, rows_at, scores_at)
            record[k] = np.frombuffer(core.read(rows_at, size), np.uint8)
        return layer_spikes(record, self.network)

    def time_ns(self, sample: Array, runs: int) -> None:
        return None

    def timer_ns(self, runs: int) -> None:
        return None

    def instructions(self, samples: Array) -> Array:
        return np.array([self._run(sample).total for sample in self._samples(samples)], np.int64)

    def layers(self, samples: Array) -> list[LayerFigure]:
        flat = self._samples(samples)
        if len(flat) == 0:
            return []
        counts = [self._run(sample) for sample in flat]
        means = np.mean([self._of_layers(count.parts) for count in counts], axis=0)
        known = all(count.cycles is not None for count in counts)
        cycles = np.mean([self._of_layers(count.cycle_parts) for count in counts], axis=0) if known else None
        return [
            LayerFigure(layer.name, instructions=float(means[k]), note=layer.store or "", cycles=None if cycles is None else float(cycles[k]))
            for k, layer in enumerate(self.network.layers)
        ]

    def footprint(self) -> Footprint:
        """The firmware that speaks the serial protocol, linked for the board and run on the emulated core."""
        with temporary_folder() as name:
            program = firmware(self._folder, self.network, self.board, Path(name))
            if self.board.link != "unicorn":  # its port is for registers that this core does not have
                return footprint_of(program, None)
            with open_link(self.board, program.path) as connection:
                dut = Dut(connection)
                dut.start()
                dut.load(np.zeros(self._inputs, np.uint8))
                dut.infer()
                return footprint_of(program, dut.stack_bytes())

    def figures(self, samples: Array) -> FirmwareFigures:
        """Sizes, and the cost over uint8 samples (n, inputs), n >= 1; CheckError if the board's memory is exceeded."""
        flat = self._samples(samples)
        if len(flat) == 0:
            raise InputError("there is no sample to measure with. Give at least one.")
        runs = [self._run(sample) for sample in flat]
        totals = np.array([run.total for run in runs])
        means = np.mean([self._of_layers(run.parts) for run in runs], axis=0)
        cycles = [run.cycles for run in runs if run.cycles is not None]
        cycle_means = np.mean([self._of_layers(run.cycle_parts) for run in runs], axis=0) if cycles else np.zeros(0)
        names = [layer.name for layer in self.network.layers]
        self.core.write(WINDOW, flat[0].tobytes())
        stack = self.core.stack_bytes("nearwire_infer", WINDOW, self.scores_at)
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
            instructions_first=self._first,
            layer_instructions={name: float(mean) for name, mean in zip(names, means, strict=True)},
            cycles_mean=float(np.mean(cycles)) if cycles else None,
            layer_cycles={name: float(mean) for name, mean in zip(names, cycle_means, strict=False)},
            core=self.board.core,
            compiler=self.compiler,
        )

    def _run(self, sample: Array) -> Count:
        """One inference behind the first, which may compute what later ones find in RAM."""
        self.core.write(WINDOW, sample.tobytes())
        if self._first == 0:
            self._first = self.core.count("nearwire_infer", WINDOW, self.scores_at).total
        return self.core.count("nearwire_infer", WINDOW, self.scores_at, marks=self._first_functions + self._layer_functions)

    def _of_layers(self, marked: Mapping[str, int]) -> list[int]:
        """What each layer took; what is done in front of the first layer counts as its."""
        parts = [marked[name] for name in self._layer_functions]
        parts[0] += sum(marked[name] for name in self._first_functions)
        return parts

    def _samples(self, samples: Array) -> Array:
        if samples.dtype != np.uint8 or samples.ndim != 2 or samples.shape[1] != self._inputs:
            raise InputError(f"samples are {samples.dtype} of shape {samples.shape}; the network reads uint8 of shape (n, {self._inputs}).")
        return np.ascontiguousarray(samples)


def link(folder: Path, network: Network, board: Board, more: tuple[str, ...] = ()) -> tuple[Image, str]:
    """Compile and link a build's C code for a board's core, with ``more`` flags: the program, and the compiler with its flags for reports."""
    if board.memory is None:
        raise InputError(f"board '{board.name}' is not a microcontroller. See 'nearwire devices list'.")
    compiler = compiler_for(board.toolchain)
    with temporary_folder() as name:
        work = Path(name)
        copy_sources(folder, network, work, ENTRY, HEADER)
        template = string.Template((FOLDER / "memory.ld.in").read_text(encoding="ascii"))
        script = template.substitute(flash_origin=hex(board.memory.flash_origin), ram_origin=hex(board.memory.ram_origin))
        (work / "memory.ld").write_text(script, encoding="ascii")
        program = work / "firmware.elf"
        sources = [work / "nearwire.c", work / "model.c", work / ENTRY]
        compiler.run(
            ["-std=c99", *compiler.flags, *more, *LINK, "-I", work, "-T", work / "memory.ld", "-o", program, *sources, *compiler.libraries],
            f"'{folder / 'c'}' for {board.core}",
        )
        return read_image(program), compiler.description


def with_more_ram(board: Board) -> Board:
    """The board with room for any stack, to find out how much a program needs."""
    if board.memory is None:
        return board
    return board.model_copy(update={"memory": board.memory.model_copy(update={"ram_bytes": board.memory.ram_bytes + 16 * STACK_ROOM})})


def _require_memory(flash: int, static: int, stack: int, board: Board) -> None:
    memory = board.memory
    if memory is None:
        return
    if flash > memory.flash_bytes:
        raise DoesNotFit("flash", f"the build needs {flash} bytes of flash, board '{board.name}' has {memory.flash_bytes}")
    if static + stack > memory.ram_bytes:
        parts = f"{static} static, {stack} stack" if stack else "static, the stack not counted"
        raise DoesNotFit("RAM", f"the build needs {static + stack} bytes of RAM ({parts}), board '{board.name}' has {memory.ram_bytes}")
