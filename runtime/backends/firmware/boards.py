"""Sessions on boards that run the whole firmware: real ones over a serial port, QEMU's over a pseudo-terminal, both with the same driver.

On a real board times are measured by its own timer. On QEMU instructions are counted, exactly, and whole test sets are run through semihosting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from devices.boards.board import Board
from devices.common.temporary import temporary_folder
from devices.common.text import warn
from devices.errors import InputError, NearwireError
from devices.links import Connection, open_link, unicorn
from devices.links.qemu import run_batch
from devices.tools import flash
from devices.tools.program import Sizes
from runtime.backends.base import Footprint, LayerFigure, Session
from runtime.backends.firmware.answers import Identity
from runtime.backends.firmware.core import FirmwareSession
from runtime.backends.firmware.dut import MOST_INFERENCES, Dut, Interrupted
from runtime.backends.firmware.figures import FirmwareFigures
from runtime.backends.firmware.program import BATCH, firmware, footprint_of, identity
from runtime.network.network import Array, Network

SERIAL_SAMPLES = 2  # QEMU: so many go over the UART, more through semihosting
HEADER_WORDS = 3  # of results.bin
BATCH_LIMIT_S = 600.0
INFER_LIMIT_S = 600.0
ANSWER_S = 5.0
PRESENT_S = 2.0  # for a board that may have our firmware or none


class BoardSession(Session):
    """A build on a board that is reached through a link."""

    def __init__(self, folder: Path, network: Network, board: Board, port: str | None = None, answer_s: float = ANSWER_S) -> None:
        self.network, self.board, self._folder, self._port, self._answer_s = network, board, folder, port, answer_s
        self._inputs, self._outputs = network.input.size, len(network.classes)
        self._work = temporary_folder()
        self._connection: Connection | None = None
        self._layers = False  # what the connection is to: the firmware that times layers
        try:
            self.program = firmware(folder, network, board, Path(self._work.name))
        except BaseException:
            self._work.cleanup()
            raise
        self.detail, self.clock_hz = f"{board.core} of {board.name}, {self.program.compiler}", board.clock_hz

    def scores(self, samples: Array) -> Array:
        flat = self._samples(samples)
        scores = np.zeros((len(flat), self._outputs), np.int32)
        for k, sample in enumerate(flat):
            self.progress(f"sample {k + 1} of {len(flat)}")
            try:
                dut = self._dut()
                dut.load(sample)
                scores[k] = self._scores(dut)
            except NearwireError as error:
                if k == 0:
                    raise
                raise Interrupted(f"{error} {k} of {len(flat)} samples were done.", scores[:k]) from error
        return scores

    def time_ns(self, sample: Array, runs: int) -> Array | None:
        """The time of a lap of ``runs`` inferences, evenly spread: the board's timer is too coarse for one, and nothing interrupts it."""
        dut = self._dut()
        dut.load(self._samples(sample[None])[0])
        laps = [min(MOST_INFERENCES, runs - at) for at in range(0, runs, MOST_INFERENCES)]
        us = sum(dut.infer(lap, 0, INFER_LIMIT_S).us for lap in laps)
        return np.full(runs, round(us * 1000 / runs), np.int64)

    def timer_ns(self, runs: int) -> Array | None:
        return None

    def layers(self, samples: Array) -> list[LayerFigure]:
        """Measured by the board's timer in a firmware made for it, which is flashed for that."""
        flat = self._samples(samples)
        if len(flat) == 0:
            return []
        dut = self._dut(layers=True)
        total = np.zeros(len(self.network.layers))
        for sample in flat:
            dut.load(sample)
            dut.infer()
            total += dut.layers_us(len(total))
        return [LayerFigure(layer.name, us / len(flat), None, layer.store or "") for layer, us in zip(self.network.layers, total, strict=True)]

    def footprint(self) -> Footprint:
        dut = self._dut()
        dut.load(np.zeros(self._inputs, np.uint8))
        dut.infer()
        return footprint_of(self.program, dut.stack_bytes())

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        self._work.cleanup()

    def _dut(self, layers: bool = False) -> Dut:
        """The board, running the firmware: an emulator is started with it, a real board is flashed unless it has it already."""
        if self._connection is not None and self._layers == layers:
            return Dut(self._connection, self._answer_s)
        if self._connection is not None:
            self._connection.close()
        program = firmware(self._folder, self.network, self.board, Path(self._work.name), layers=True) if layers else self.program
        expected = identity(self.network, self.board, layers)
        if self.board.link == "serial" and not self._has(expected):
            warn(f"flashing '{self.board.name}'")
            flash.flash(program.path, self.board, self._port)
        self._connection, self._layers = open_link(self.board, program.path, self._port), layers
        dut = Dut(self._connection, self._answer_s)
        dut.start()
        dut.require(expected)
        return dut

    def _has(self, expected: Identity) -> bool:
        """Whether the firmware is on the board already."""
        with open_link(self.board, self.program.path, self._port) as connection:
            dut = Dut(connection, min(self._answer_s, PRESENT_S))
            try:
                dut.start()
                return dut.identify() == expected
            except NearwireError:
                return False

    def _scores(self, dut: Dut) -> tuple[int, ...]:
        scores = dut.infer().scores
        if len(scores) != self._outputs:
            raise NearwireError(f"{dut.connection.where}: 'infer' was answered with {len(scores)} scores; the network has {self._outputs}.")
        return scores

    def _samples(self, samples: Array) -> Array:
        if samples.dtype != np.uint8 or samples.ndim != 2 or samples.shape[1] != self._inputs:
            raise InputError(f"samples are {samples.dtype} of shape {samples.shape}; the network reads uint8 of shape (n, {self._inputs}).")
        return np.ascontiguousarray(samples)


class QemuSession(BoardSession):
    """A board that QEMU emulates. Its time means nothing; its instructions are counted exactly."""

    def __init__(self, folder: Path, network: Network, board: Board, port: str | None = None, answer_s: float = ANSWER_S) -> None:
        super().__init__(folder, network, board, port, answer_s)
        self.detail = f"{board.core} of {board.name} in QEMU, {self.program.compiler}"
        self._ticks = board.qemu.ticks_per_instruction if board.qemu else 1.0

    def scores(self, samples: Array) -> Array:
        flat = self._samples(samples)
        return super().scores(flat) if len(flat) <= SERIAL_SAMPLES else self._batch(flat).scores

    def time_ns(self, sample: Array, runs: int) -> None:
        return None

    def instructions(self, samples: Array) -> Array:
        return self._settled(self._samples(samples)).instructions

    def layers(self, samples: Array) -> list[LayerFigure]:
        flat = self._samples(samples)
        if len(flat) == 0:
            return []
        means = self._settled(flat, layers=True).layers.mean(axis=0)
        cycles = self._cycles(flat)
        return [
            LayerFigure(layer.name, instructions=float(means[k]), note=layer.store or "", cycles=cycles[k])
            for k, layer in enumerate(self.network.layers)
        ]

    def _cycles(self, samples: Array) -> list[float | None]:
        """Estimated cycles of every layer, from the same core emulated in process, where that can be had."""
        if not self.board.emulated or unicorn.missing():
            return [None] * len(self.network.layers)
        with FirmwareSession(self._folder, self.network, self.board) as session:
            return [figure.cycles for figure in session.layers(samples)]

    def figures(self, samples: Array) -> FirmwareFigures:
        """Sizes, and the cost over uint8 samples (n, inputs), n >= 1."""
        flat = self._samples(samples)
        if len(flat) == 0:
            raise InputError("there is no sample to measure with. Give at least one.")
        whole, parts = self._settled(flat), self._settled(flat, layers=True)
        sizes, means, cycles = whole.sizes, parts.layers.mean(axis=0), self._cycles(flat)
        names, known = [layer.name for layer in self.network.layers], [value for value in cycles if value is not None]
        return FirmwareFigures(
            constants_bytes=sizes.payload_constants,
            code_bytes=sizes.payload_code,
            flash_bytes=sizes.payload_constants + sizes.payload_code,
            data_bytes=0,
            bss_bytes=sizes.payload_static,
            stack_bytes=whole.stack,
            ram_bytes=sizes.payload_static + whole.stack,
            instructions_mean=float(whole.instructions.mean()),
            instructions_min=int(whole.instructions.min()),
            instructions_max=int(whole.instructions.max()),
            instructions_first=whole.first,
            layer_instructions={name: float(mean) for name, mean in zip(names, means, strict=True)},
            cycles_mean=sum(known) if len(known) == len(names) else None,
            layer_cycles=dict(zip(names, known, strict=True)) if len(known) == len(names) else {},
            core=self.board.core,
            compiler=self.program.compiler,
        )

    def _settled(self, samples: Array, layers: bool = False) -> _Batch:
        """The samples' results behind a first inference, which may compute what later ones find in RAM."""
        batch = self._batch(np.concatenate([samples[:1], samples]), layers)
        first = int(batch.instructions[0]) if len(samples) else 0
        return replace(batch, scores=batch.scores[1:], instructions=batch.instructions[1:], layers=batch.layers[1:], first=first)

    def _batch(self, samples: Array, layers: bool = False) -> _Batch:
        """Run the samples through the emulator's file interface."""
        work = Path(self._work.name)
        program = firmware(self._folder, self.network, self.board, work, BATCH, layers)
        (work / "samples.bin").write_bytes(samples.tobytes())
        results = work / "results.bin"
        results.unlink(missing_ok=True)
        run_batch(self.board, program.path, work, BATCH_LIMIT_S)
        measured = len(self.network.layers) if layers else 0
        width = self._outputs + 1 + measured
        words = np.fromfile(results, "<u4", HEADER_WORDS + len(samples) * width + 1)  # one more tells that there are too many
        if len(words) != HEADER_WORDS + len(samples) * width:
            raise NearwireError(
                f"'{self.board.name}' gave back {len(words)} words of results, not {HEADER_WORDS + len(samples) * width}. Is the disk full?"
            )
        rows = words[HEADER_WORDS:].reshape(len(samples), width)
        call, reading, stack = (int(word) for word in words[:HEADER_WORDS])  # ticks of a call of one instruction, between two readings; bytes
        counts = np.rint((rows[:, self._outputs].astype(np.float64) - call) / self._ticks).astype(np.int64) + 1
        parts = np.rint((rows[:, self._outputs + 1 :].astype(np.float64) - reading) / self._ticks).astype(np.int64)
        return _Batch(np.ascontiguousarray(rows[:, : self._outputs]).view(np.int32), counts, parts, stack, program.sizes)


@dataclass(frozen=True)
class _Batch:
    scores: Array  # (n, outputs) int32
    instructions: Array  # (n,) int64
    layers: Array  # (n, layers) int64 instructions, with the call of each layer
    stack: int  # bytes that an inference used
    sizes: Sizes
    first: int = 0  # instructions of an inference in front of these
