"""The firmware on emulated boards answers a host that knows only the protocol, and survives everything else that comes over the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.support.stored import NETWORKS
from compile.emit.c import steady as c
from devices.boards.board import Board, Qemu, load_board
from devices.errors import CheckError
from devices.links import Connection, open_link, qemu, unicorn
from devices.tools import toolchain
from devices.tools.program import Program
from devices.version import VERSION
from runtime.backends.firmware.dut import Dut
from runtime.backends.firmware.program import firmware
from runtime.network import reference
from runtime.network.file import to_bytes
from runtime.network.network import Network
from tests.support.mlperf_host import Host
from tests.support.needs import needs
from tests.support.tools import M4, QEMU

CORES = ("m0plus", "m3", "m4", "m7", "m33")
NETWORK = NETWORKS["all formats"]
INPUTS = NETWORK.input.size
SAMPLES = np.random.default_rng(5).integers(0, 256, (3, INPUTS)).astype(np.uint8)


def linked(name: str | Board, folder: Path, network: Network = NETWORK) -> Program:
    board = load_board(name) if isinstance(name, str) else name
    needs(toolchain.missing(board.toolchain) or (qemu.missing(board) if board.link == "qemu" else unicorn.missing()))
    c.emit(network, folder)
    place = folder / "program"
    place.mkdir()
    return firmware(folder, network, board, place)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A running M4, emulated in this process."""
    program = linked(M4, tmp_path_factory.mktemp("m4"))
    with open_link(program.board, program.path) as opened:
        assert everything(opened) == ["m-timestamp-mode-performance", "m-init-done", "m-ready"]
        yield opened


def everything(opened: Connection) -> list[str]:
    text = b""
    while not text.endswith(b"m-ready\r\n"):
        more = opened.read(5)
        assert more, f"silent behind {text!r}"
        text += more
    return text.decode().split("\r\n")[:-1]


def send(opened: Connection, command: str) -> list[str]:
    """The answer to a command, without its m-ready."""
    opened.write(command.encode("latin-1") + b"%")
    lines = everything(opened)
    assert lines[-1] == "m-ready"
    return lines[:-1]


def cousin(name: str) -> Board:
    """The board, or for the STM32F411, which QEMU does not have, its program on QEMU's STM32F405: USART2 is that machine's second serial port."""
    board = load_board(name)
    if name != "stm32f411":
        return board
    arguments = ("-M", "netduinoplus2", "-serial", "null")
    machine = Qemu(program="qemu-system-arm", package="qemu-system-arm", arguments=arguments, icount_shift=6, ticks_per_instruction=1)
    return board.model_copy(update={"link": "qemu", "qemu": machine})


@pytest.mark.parametrize("name", [*QEMU, "stm32f411"])
def test_a_host_of_the_public_protocol_drives_the_emulated_board(name: str, tmp_path: Path) -> None:
    program = linked(cousin(name), tmp_path)
    with open_link(program.board, program.path) as opened:
        Dut(opened, 30).start()  # so that the greeting does not mix with the first answer
        assert opened.path
        with Host(opened.path) as host:
            assert host.send("name") == ["m-name-dut-[nearwire]", "m-ready"]
            profile = host.send("profile")
            assert profile[:2] == [f"m-profile-[nearwire-{VERSION} {name}]", "m-model-[network]"]
            assert profile[2] == f"m-sha256-[{hashlib.sha256(to_bytes(NETWORK)).hexdigest()}]"
            results, us = host.infer(SAMPLES[0].tobytes(), 3, 1)
            assert results == reference.scores(NETWORK, SAMPLES[:1])[0].tolist()
            assert us > 0
            printed = host.send("db print")
            shown = "".join(line.removeprefix("m-buffer") for line in printed[:-1]).replace("-", "")
            assert bytes.fromhex(shown) == SAMPLES[0].tobytes()
            assert host.send("nonsense") == ["e-[Unknown command: nonsense]", "m-ready"]


@pytest.mark.parametrize("core", CORES)
def test_the_cores_of_pip_speak_it_too(core: str, tmp_path: Path) -> None:
    program = linked(f"emulated-cortex-{core}", tmp_path)
    expected = reference.scores(NETWORK, SAMPLES)
    with open_link(program.board, program.path) as opened:
        dut = Dut(opened)
        dut.start()
        for sample, scores in zip(SAMPLES, expected, strict=True):
            dut.load(sample)
            assert dut.infer(2, 1).scores == tuple(scores)
        assert 0 < dut.stack_bytes() <= 512


def load(opened: Connection, sample: bytes) -> list[str]:
    assert send(opened, f"db load {len(sample)}") == [f"m-[Expecting {len(sample)} bytes]"]
    answer: list[str] = []
    for at in range(0, len(sample), 31):
        answer = send(opened, f"db {sample[at : at + 31].hex()}")
    return answer


def test_every_answer_of_the_protocol(connection: Connection) -> None:
    assert send(connection, "name") == ["m-name-dut-[nearwire]"]
    (first,), (second,) = send(connection, "timestamp"), send(connection, "timestamp")
    assert int(second.removeprefix("m-lap-us-")) > int(first.removeprefix("m-lap-us-"))
    assert load(connection, SAMPLES[0].tobytes()) == ["m-load-done"]
    lines = send(connection, "infer 7 3")
    assert lines[:3] == ["m-warmup-start-3", "m-warmup-done", "m-infer-start-7"]
    assert [line[:9] for line in lines[3:5]] == ["m-lap-us-"] * 2
    scores = ",".join(map(str, reference.scores(NETWORK, SAMPLES[:1])[0]))
    assert lines[5:] == ["m-infer-done", f"m-results-[{scores}]"]
    assert send(connection, "results") == [f"m-results-[{scores}]"]
    defaults = send(connection, "infer")
    assert defaults[0] == "m-warmup-start-10"
    assert defaults[2] == "m-infer-start-1"
    assert send(connection, "infer 2")[0] == "m-warmup-start-10"
    assert "infer" in send(connection, "help")[0]
    assert send(connection, "na\r\nme") == ["m-name-dut-[nearwire]"]  # a terminal's line ends do not matter
    assert send(connection, "layers") == ["e-[This firmware does not time layers]"]


@pytest.mark.parametrize("command", ["infer 0", "infer -1 5", "infer 1 -1", "infer 1000000", "infer 1 1000000", "infer 999999999"])
def test_counts_below_one_or_without_end_are_errors(connection: Connection, command: str) -> None:
    load(connection, SAMPLES[0].tobytes())
    assert send(connection, command) == ["e-[infer takes 1 to 999999 inferences and 0 to 999999 to warm up]"]


@pytest.mark.parametrize("command", ["infer x", "infer 1 2 3", "infer 99999999999", "infer 1x", "infer --1", "infer 1 y"])
def test_what_is_no_number_is_an_error(connection: Connection, command: str) -> None:
    load(connection, SAMPLES[0].tobytes())
    assert send(connection, command) == ["e-[infer takes two numbers]"]


@pytest.mark.parametrize("size", ["0", "-5", "36", "38", "x", "", "37 1", "4294967333"])
def test_a_load_of_another_size_is_an_error(connection: Connection, size: str) -> None:
    assert send(connection, f"db load {size}") == [f"e-[db load takes {INPUTS}: the bytes of an input]"]


def test_bad_hex_is_refused_whole_and_can_be_sent_again(connection: Connection) -> None:
    send(connection, f"db load {INPUTS}")
    assert send(connection, "db 0") == ["e-[Odd or no hexadecimal digits]"]
    assert send(connection, "db 123") == ["e-[Odd or no hexadecimal digits]"]
    assert send(connection, "db") == ["e-[Odd or no hexadecimal digits]"]
    assert send(connection, "db 12xy") == ["e-[Not a hexadecimal digit]"]
    assert send(connection, "db 12 34") == ["e-[Not a hexadecimal digit]"]
    assert send(connection, "db 0g") == ["e-[Not a hexadecimal digit]"]
    assert send(connection, "infer") == ["e-[No input: db load and all its bytes come first]"]
    assert send(connection, "db aBcD") == []
    assert send(connection, "db print") == ["m-buffer-ab-cd"]
    assert send(connection, f"db {'00' * (INPUTS - 1)}")[0].startswith("e-")  # one too many, in one command
    assert send(connection, "db print") == ["m-buffer-ab-cd"]


def test_bytes_nobody_asked_for_and_bytes_beyond_the_end_are_errors(connection: Connection) -> None:
    load(connection, SAMPLES[0].tobytes())
    assert send(connection, "db 00") == ["e-[More bytes than expected]"]
    scores = ",".join(map(str, reference.scores(NETWORK, SAMPLES[:1])[0]))
    assert send(connection, "infer 1 0")[-1] == f"m-results-[{scores}]"  # the input is still the one that was loaded


def test_infer_without_or_with_half_the_data_is_an_error(connection: Connection) -> None:
    send(connection, f"db load {INPUTS}")
    send(connection, "db 0102")
    assert send(connection, "infer") == ["e-[No input: db load and all its bytes come first]"]


def test_a_line_of_the_largest_length_is_taken_and_longer_ones_are_errors(connection: Connection) -> None:
    assert send(connection, "x" * 79) == [f"e-[Unknown command: {'x' * 79}]"]
    for length in (80, 81, 200, 5000):
        assert send(connection, "x" * length) == ["e-[Line too long]"]
    assert send(connection, "name") == ["m-name-dut-[nearwire]"]


def test_control_characters_do_not_come_back(connection: Connection) -> None:
    assert send(connection, "\x00\x07\xff\x1b[2J") == ["e-[Unknown command: ????[2J]"]
    assert send(connection, "") == ["e-[Unknown command: ]"]
    assert send(connection, "names") == ["e-[Unknown command: names]"]
    assert send(connection, " name") == ["e-[Unknown command:  name]"]


def test_a_command_before_any_load(tmp_path: Path) -> None:
    program = linked(M4, tmp_path)
    with open_link(program.board, program.path) as opened:
        everything(opened)
        assert send(opened, "infer") == ["e-[No input: db load and all its bytes come first]"]
        assert send(opened, "db 00") == ["e-[No db load before the bytes]"]
        assert send(opened, "db print") == []
        assert send(opened, "results") == [f"m-results-[{','.join('0' * len(NETWORK.classes))}]"]


def test_it_runs_in_exactly_the_memory_it_was_linked_for(tmp_path: Path) -> None:
    """The emulator refuses every access outside the board's flash and RAM, to the byte."""
    sizes = linked(M4, tmp_path).sizes
    board = load_board(M4)
    assert board.memory
    just = board.model_copy(update={"memory": board.memory.model_copy(update={"flash_bytes": sizes.flash, "ram_bytes": sizes.ram})})
    (tmp_path / "just").mkdir()
    program = firmware(tmp_path, NETWORK, just, tmp_path / "just")
    assert program.sizes == sizes
    with open_link(just, program.path) as opened:
        dut = Dut(opened)
        dut.start()
        for sample, scores in zip(SAMPLES, reference.scores(NETWORK, SAMPLES), strict=True):
            dut.load(sample)
            assert dut.infer().scores == tuple(scores)
    for less in ({"flash_bytes": sizes.flash - 1}, {"ram_bytes": sizes.ram - 1}):
        smaller = just.model_copy(update={"memory": just.memory.model_copy(update=less)})  # type: ignore[union-attr]
        with pytest.raises(CheckError, match=f"{'flash' if 'flash_bytes' in less else 'RAM'}.*has {next(iter(less.values()))}"):
            firmware(tmp_path, NETWORK, smaller, tmp_path / "just")


def test_ram_known_at_compile_time_is_the_linked_programs(tmp_path: Path) -> None:
    sizes = linked(M4, tmp_path).sizes
    header = (tmp_path / "c" / "model.h").read_text()
    told = int(next(line.split()[2] for line in header.splitlines() if line.startswith("#define NEARWIRE_RAM_BYTES ")))
    assert told <= sizes.payload_static < told + 4  # sections end on a word
    assert sizes.ram == sizes.payload_static + sizes.firmware_static + sizes.stack
