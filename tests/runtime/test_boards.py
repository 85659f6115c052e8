"""Builds on boards: QEMU computes and counts what the emulator in this process does; a board behind a serial port is driven like a real one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bench.support.stored import NETWORKS, stored
from compile.emit.c import steady as c
from devices.boards.board import Board, load_board
from devices.errors import CheckError, InputError, NearwireError
from devices.links import open_link, qemu, serial, unicorn
from devices.links.terminal import Terminal
from devices.tools import toolchain
from devices.tools.program import Program
from runtime.backends.firmware.backend import FirmwareBackend, measure
from runtime.backends.firmware.boards import BoardSession, QemuSession
from runtime.backends.firmware.core import FirmwareSession
from runtime.backends.firmware.dut import Interrupted
from runtime.backends.firmware.program import firmware
from runtime.builds.build import Build
from runtime.commands import boards as board_commands
from runtime.commands import run as run_module
from runtime.network import reference
from runtime.network.network import Network
from tests.support.builds import Zoo
from tests.support.commands import checked
from tests.support.mlperf_host import Host
from tests.support.needs import needs
from tests.support.processes import interruptible
from tests.support.tools import M4, QEMU

MANY = ("all formats", "boxes and ternary columns", "replicated, two of them", "cut input")
NETWORK = NETWORKS["all formats"]
M4_OF_QEMU = "qemu-mps2-an386"


def samples_for(network: Network, count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, network.input.size)).astype(np.uint8)


def emulated(name: str) -> Board:
    board = load_board(name)
    needs(toolchain.missing(board.toolchain) or unicorn.missing() or (qemu.missing(board) if board.link == "qemu" else None))
    return board


@pytest.mark.parametrize("name", QEMU)
def test_qemu_equals_the_reference(name: str, tmp_path: Path) -> None:
    board = emulated(name)
    for k, key in enumerate(MANY if name == M4_OF_QEMU else MANY[: 1 + (name == "qemu-riscv32-virt")]):
        network = NETWORKS[key]
        folder = tmp_path / str(k)
        folder.mkdir()
        c.emit(network, folder)
        samples = samples_for(network, 50)
        with QemuSession(folder, network, board) as session:
            assert np.array_equal(session.scores(samples), reference.scores(network, samples))
            assert session.time_ns(samples[0], 3) is None


def by_zig(name: str) -> Board:
    """The board with zig, whatever other compiler for its core is here."""
    board = load_board(name)
    return board.model_copy(update={"toolchain": board.toolchain.model_copy(update={"compiler": "zig"})})


@pytest.mark.parametrize(("name", "in_process"), [(M4_OF_QEMU, M4), ("qemu-riscv32-virt", "qemu-riscv32-virt")])
def test_two_emulators_count_the_same_instructions_and_the_same_stack(name: str, in_process: str, tmp_path: Path) -> None:
    """QEMU, by its timer under -icount or its counter of instructions, and the core in this process, by its blocks, run the same code."""
    emulated(name)
    c.emit(NETWORK, tmp_path)
    samples = samples_for(NETWORK, 8)
    with QemuSession(tmp_path, NETWORK, by_zig(name)) as one, FirmwareSession(tmp_path, NETWORK, by_zig(in_process)) as other:
        assert np.array_equal(one.instructions(samples), other.instructions(samples))
        again = one.instructions(samples)
        assert np.array_equal(again, one.instructions(samples))
        layers, theirs = one.layers(samples), other.layers(samples)
        for layer, their in zip(layers, theirs, strict=True):
            assert layer.instructions == pytest.approx(their.instructions, abs=8)  # the call is in one, the way back in the other
            assert layer.cycles == their.cycles
        assert one.figures(samples).stack_bytes == pytest.approx(other.figures(samples).stack_bytes, abs=8)


def test_cores_without_an_emulator_in_process_are_measured_by_qemu(tmp_path: Path) -> None:
    board = emulated("qemu-riscv32-virt").model_copy(update={"emulator": None})
    c.emit(NETWORK, tmp_path)
    figures = measure(tmp_path, NETWORK, board, samples_for(NETWORK, 3))
    assert figures
    assert figures.flash_bytes == figures.constants_bytes + figures.code_bytes
    assert 0 < figures.stack_bytes <= 512
    assert figures.instructions_min <= figures.instructions_mean <= figures.instructions_max
    assert sum(figures.layer_instructions.values()) == pytest.approx(figures.instructions_mean, abs=40)


@pytest.mark.parametrize("name", [M4, M4_OF_QEMU, "emulated-cortex-m0plus"])
def test_the_whole_firmware_is_small(name: str, tmp_path: Path) -> None:
    """Code without the network's constants: at most 6 kB, although this network uses four kernels; stack at most 512 bytes."""
    board = emulated(name)
    network = stored((37, 21, 14, 9, 5), zero_point=11)
    assert len({layer.store for layer in network.layers}) == 4
    c.emit(network, tmp_path)
    with FirmwareBackend(name).open(tmp_path, network) as session:
        found = session.footprint()
    assert found
    assert found.code + found.firmware <= 6000
    assert found.stack_used is not None
    assert 0 < found.stack_used <= found.stack_reserved == 512
    assert found.flash == found.constants + found.code + found.firmware
    assert found.ram == found.static + found.firmware_static + found.stack_reserved
    assert board.memory
    assert found.ram < board.memory.ram_bytes


def test_a_qemu_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = emulated(M4_OF_QEMU)
    assert board.qemu
    c.emit(NETWORK, tmp_path)
    broken = board.model_copy(update={"qemu": board.qemu.model_copy(update={"arguments": ("-M", "nonsense")})})
    with QemuSession(tmp_path, NETWORK, broken) as session:
        with pytest.raises(NearwireError, match="did not start 'qemu-mps2-an386'.*unsupported machine"):
            session.scores(samples_for(NETWORK, 1))
        with pytest.raises(NearwireError, match="status 1 on 'qemu-mps2-an386'.*unsupported machine"):
            session.scores(samples_for(NETWORK, 9))
    with QemuSession(tmp_path, NETWORK, board) as session, pytest.raises(InputError, match="uint8 of shape"):
        session.scores(np.zeros((1, 3), np.uint8))
    monkeypatch.setattr(qemu.shutil, "which", lambda _: None)
    with pytest.raises(NearwireError, match="apt install qemu-system-arm"):
        FirmwareBackend(M4_OF_QEMU).open(tmp_path, NETWORK)


@contextmanager
def serial_board(program: Program, alive: list[bool]) -> Iterator[str]:
    """The path of a serial port behind which an emulated core runs the program; it falls silent when ``alive`` says so."""
    running = [True]
    with open_link(load_board(M4), program.path) as connection, Terminal(connection) as terminal:
        thread = threading.Thread(target=terminal.serve, args=(lambda: running[0] and alive[0],), daemon=True)
        thread.start()
        try:
            yield terminal.path
        finally:
            running[0] = False
            thread.join()


@pytest.fixture
def real() -> Board:
    """A board on a serial port, whose program the core in this process can run: the port of that core, the link of a real board."""
    needs(serial.missing())
    board, pattern = emulated(M4), load_board("nrf52840")
    return board.model_copy(update={"name": "a-board", "link": "serial", "flashing": pattern.flashing, "emulator": None})


def test_a_board_on_a_serial_port(tmp_path: Path, real: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    c.emit(NETWORK, tmp_path)
    samples = samples_for(NETWORK, 3)
    flashed: list[Path] = []
    monkeypatch.setattr("runtime.backends.firmware.boards.flash.flash", lambda path, board, port: flashed.append(path))
    monkeypatch.setattr("runtime.backends.firmware.boards.PRESENT_S", 5.0)
    (tmp_path / "p").mkdir()
    with (
        serial_board(firmware(tmp_path, NETWORK, real, tmp_path / "p"), [True]) as port,
        BoardSession(tmp_path, NETWORK, real, port) as session,
    ):
        assert np.array_equal(session.scores(samples), reference.scores(NETWORK, samples))
        assert flashed == []  # the firmware was there
        times = session.time_ns(samples[0], 20)
        assert times is not None
        assert times.shape == (20,)
        with FirmwareSession(tmp_path, NETWORK, load_board(M4)) as emulator:
            counted = emulator.instructions(samples[:1])[0]
        assert times.mean() / 1000 == pytest.approx(counted, rel=0.05)  # this board's clock: a microsecond an instruction
        used = session.footprint().stack_used
        assert used is not None
        assert 0 < used <= 512


def test_another_firmware_is_flashed_over_and_must_be_gone_then(tmp_path: Path, real: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    other = NETWORKS["cut input"]
    for name, network in (("ours", NETWORK), ("theirs", other)):
        (tmp_path / name / "p").mkdir(parents=True)
        c.emit(network, tmp_path / name)
    flashed: list[Path] = []
    monkeypatch.setattr("runtime.backends.firmware.boards.flash.flash", lambda path, board, port: flashed.append(path))
    with (
        serial_board(firmware(tmp_path / "theirs", other, real, tmp_path / "theirs" / "p"), [True]) as port,
        BoardSession(tmp_path / "ours", NETWORK, real, port) as session,
        pytest.raises(NearwireError, match="the firmware's network's sha256 is '.*another firmware is on the board"),
    ):
        session.scores(samples_for(NETWORK, 1))
    assert len(flashed) == 1


def test_partial_results_of_a_board_that_falls_silent_are_kept(tmp_path: Path, real: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    c.emit(NETWORK, tmp_path)
    samples = samples_for(NETWORK, 4)
    alive = [True]
    (tmp_path / "p").mkdir()
    with (
        serial_board(firmware(tmp_path, NETWORK, real, tmp_path / "p"), alive) as port,
        BoardSession(tmp_path, NETWORK, real, port, answer_s=3.0) as session,
    ):
        load = session._dut().__class__.load
        done: list[int] = []

        def counted(dut: object, sample: np.ndarray) -> None:
            alive[0] = len(done) < 2
            done.append(1)
            load(dut, sample)  # type: ignore[arg-type]

        monkeypatch.setattr("runtime.backends.firmware.boards.Dut.load", counted)
        with pytest.raises(Interrupted, match=r"no answer to 'db load 37' within 3 s.*2 of 4 samples were done") as stopped:
            session.scores(samples)
        assert np.array_equal(stopped.value.scores, reference.scores(NETWORK, samples[:2]))


def test_a_port_that_is_not_there_is_said(tmp_path: Path) -> None:
    needs(serial.missing())
    c.emit(NETWORK, tmp_path)
    with FirmwareBackend("nrf52840", "/dev/ttyNONE").open(tmp_path, NETWORK) as session, pytest.raises(InputError, match="ttyNONE cannot be opened"):
        session.scores(samples_for(NETWORK, 1))
    with pytest.raises(InputError, match="not reached through a serial port"):
        FirmwareBackend(M4, "/dev/ttyNONE").open(tmp_path, NETWORK)


def test_a_real_board_without_a_port_is_its_core_emulated_and_says_so(tmp_path: Path) -> None:
    emulated(M4)
    c.emit(NETWORK, tmp_path)
    with FirmwareBackend("nrf52840").open(tmp_path, NETWORK) as session:
        assert session.detail.startswith("emulated Cortex-M4F with the memory of nrf52840")
        assert session.clock_hz == 64_000_000
        found = session.footprint()
    assert found
    assert found.stack_used is None
    samples = samples_for(NETWORK, 20)
    for name in ("rp2040", "stm32f411", "esp32c3"):
        with FirmwareBackend(name).open(tmp_path, NETWORK) as session:
            assert np.array_equal(session.scores(samples), reference.scores(NETWORK, samples))


def test_labels_that_differ_are_counted_and_are_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = samples_for(NETWORK, 6)
    truth = np.zeros(6, np.int64)
    right = reference.scores(NETWORK, samples)
    wrong = right.copy()
    wrong[2] = -wrong[2]
    build = Build(tmp_path, NETWORK)
    run_module._print_accuracy(build, "c", "somewhere", samples, truth, right, True)
    assert json.loads(capsys.readouterr().out)["label_mismatches"] == 0
    with pytest.raises(CheckError, match="1 of 6 labels differ"):
        run_module._print_accuracy(build, "c", "somewhere", samples, truth, wrong, True)


@pytest.fixture(scope="module")
def build(zoo: Zoo) -> Path:
    return zoo.build("digits-field")


def test_commands_with_a_board(build: Path, tmp_path: Path) -> None:
    emulated(M4_OF_QEMU)
    found = json.loads(checked("runtime", "run", str(build), "--device", M4_OF_QEMU, "--accuracy", "--json").stdout)
    assert found["backend"] == "firmware"
    assert found["label_mismatches"] == 0
    assert "in QEMU" in found["detail"]
    profile = json.loads(checked("runtime", "profile", str(build), "--device", M4_OF_QEMU, "--json").stdout)
    assert profile["footprint"]["stack_used"] <= 512
    assert profile["estimated_us"] == pytest.approx(profile["cycles"] / 25)
    assert profile["time_us"] is None
    text = checked("runtime", "profile", str(build)).stdout
    assert "cycles, estimated" in text
    assert "us, measured" not in text
    assert "start-up, vectors" in text
    rows = json.loads(checked("runtime", "bench", str(build), "--device", M4_OF_QEMU, "--json").stdout)["rows"]
    assert [row["backend"] for row in rows] == ["firmware"]


def test_flash_with_a_dry_run(build: Path, tmp_path: Path) -> None:
    emulated(M4)
    out = tmp_path / "images"
    done = checked("runtime", "flash", str(build), "--device", "rp2040", "--dry-run", "--out", str(out))
    assert done.stdout.startswith(f"cp {out / 'firmware.uf2'} ")
    assert "never run on silicon" in done.stdout
    assert (out / "firmware.uf2").is_file()
    plan = json.loads(checked("runtime", "flash", str(build), "--device", "esp32c3@/dev/ttyUSB3", "--dry-run", "--json").stdout)
    assert plan["flashed"] is False
    assert plan["command"][2:7] == ["esptool", "--chip", "esp32c3", "--port", "/dev/ttyUSB3"]
    assert "is not flashed: it is emulated" in checked("runtime", "flash", str(build), "--device", M4, "--dry-run", code=2).stderr


def test_serve_gives_an_emulated_board_a_serial_port(build: Path) -> None:
    emulated(M4)
    needs(serial.missing())
    process = interruptible([sys.executable, "-m", "runtime", "serve", str(build)], stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert "answers on" in line
        with Host(line.split("answers on ")[1].split(",")[0]) as host:
            host.settle()
            assert host.send("name") == ["m-name-dut-[nearwire]", "m-ready"]
            results, _ = host.infer(bytes(64), 2, 1)
            assert len(results) == 10
    finally:
        process.send_signal(2)
        assert process.wait(20) == 130


def test_no_ctrl_c_is_lost_while_the_port_is_flooded(build: Path) -> None:
    emulated(M4)
    process = interruptible(
        [sys.executable, "-m", "runtime", "serve", str(build)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    )
    assert process.stdout
    line = os.open(process.stdout.readline().split("answers on ")[1].split(",")[0], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        end, stop = time.monotonic() + 20, time.monotonic() + 1
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(line, b"%infer 9\xff%%" * 300)
            if time.monotonic() > stop:
                stop = end
                process.send_signal(signal.SIGINT)  # once
        assert process.poll() == 130
        assert process.communicate()[1] == "error: interrupted.\n"
    finally:
        process.kill()
        process.wait()
        os.close(line)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_serve_notices_that_its_emulator_died(build: Path, number: int) -> None:
    board = load_board("qemu-mps2-an386")
    needs(qemu.missing(board))
    process = interruptible(
        [sys.executable, "-m", "runtime", "serve", str(build), "--device", board.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    try:
        assert process.stdout
        assert "answers on" in process.stdout.readline()
        (emulator,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(emulator), number)
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 1
        assert f"the emulator ended with status -{int(number)}" in errors
    finally:
        process.kill()
        process.wait()


def test_serve_refuses_a_board_with_a_port_of_its_own(build: Path) -> None:
    with pytest.raises(InputError, match="has a serial port of its own"):
        board_commands.serve(build, "nrf52840")
