"""The driver against boards that are silent, slow, foreign or lossy: one clear error that names port, command and seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from devices.errors import NearwireError
from devices.links import Connection
from runtime.backends.firmware.answers import Identity
from runtime.backends.firmware.dut import Dut

OURS = Identity("nearwire", "nearwire-1 board", "mnist", "ab" * 32)
ANSWERS = {
    "name": "m-name-dut-[nearwire]\r\n",
    "profile": f"m-profile-[{OURS.profile}]\r\nm-model-[{OURS.model}]\r\nm-sha256-[{OURS.sha256}]\r\n",
    "infer 1 0": "m-warmup-start-0\r\nm-infer-start-1\r\nm-lap-us-4294967290\r\nm-lap-us-10\r\nm-infer-done\r\nm-results-[3,-4.0]\r\n",
    "stack": "m-stack-bytes-300\r\n",
    "layers": "m-layer-0-ticks-50-per-us-25\r\nm-layer-1-ticks-25-per-us-25\r\n",
}


class Board(Connection):
    """Answers commands from a table, or by a function."""

    where = "serial port /dev/ttyFAKE"

    def __init__(self, answer: Callable[[str], str | None] | None = None) -> None:
        self.answer = answer or (lambda command: ANSWERS.get(command, f"e-[Unknown command: {command}]\r\n") + "m-ready\r\n")
        self.commands: list[str] = []
        self.waiting, self.partial = b"", ""

    def write(self, data: bytes) -> None:
        *whole, self.partial = (self.partial + data.decode()).split("%")
        for command in whole:
            self.commands.append(command)
            self.waiting += (self.answer(command) or "").encode()

    def read(self, timeout_s: float) -> bytes:
        if not self.waiting:
            time.sleep(min(timeout_s, 0.05))
            return b""
        found, self.waiting = self.waiting[:7], self.waiting[7:]  # in pieces, as a serial port gives them
        return found


def test_what_a_good_board_says() -> None:
    dut = Dut(Board())
    dut.start()
    assert dut.require(OURS) == OURS
    found = dut.infer()
    assert found.scores == (3, -4)
    assert found.us == 16  # over the wrap of the counter
    assert dut.stack_bytes() == 300
    assert dut.layers_us(2) == [2.0, 1.0]


def test_old_answers_on_the_line_are_not_taken_for_new_ones() -> None:
    board = Board()
    board.waiting = b"m-ready\r\ne-[Unknown command: sync 9]\r\nm-ready\r\nrubbish"
    dut = Dut(board)
    dut.start()
    assert dut.identify() == OURS


def test_a_board_that_loses_the_first_bytes_is_asked_again() -> None:
    board = Board()
    answer = board.answer
    board.answer = lambda command: None if len(board.commands) < 4 else answer(command)
    Dut(board).start()


def test_a_silent_board_is_named_with_command_and_seconds() -> None:
    dut = Dut(Board(lambda _: None), timeout_s=0.2)
    with pytest.raises(NearwireError, match=r"serial port /dev/ttyFAKE: no answer to '%sync' within 0\.2 s.*powered"):
        dut.start()
    with pytest.raises(NearwireError, match=r"ttyFAKE: no answer to 'stack' within 0\.2 s"):
        dut.stack_bytes()


def test_what_a_board_said_before_it_fell_silent_is_told() -> None:
    dut = Dut(Board(lambda _: "m-warmup-start-0\r\nm-infer-sta"), timeout_s=0.2)
    with pytest.raises(NearwireError, match=r"no answer to 'infer 1 0' within 0\.2 s\. It had said: m-warmup-start-0\."):
        dut.infer()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "m-name-dut-[other]\r\n"}, "the firmware is called 'other', not 'nearwire'"),
        ({"profile": ANSWERS["profile"].replace("mnist", "digits")}, "the firmware's model is 'digits', the build's is 'mnist'"),
        ({"profile": ANSWERS["profile"].replace("ab", "cd")}, "the firmware's network's sha256 is 'cdcd"),
        ({"profile": ANSWERS["profile"].replace("nearwire-1", "nearwire-0")}, "the firmware's profile is 'nearwire-0 board'"),
        ({"profile": "m-profile-[theirs]\r\nm-model-[x]\r\n"}, "no line 'm-sha256-...'.*Is it our firmware"),
    ],
)
def test_another_firmware_is_refused(change: dict[str, str], named: str) -> None:
    table = {**ANSWERS, **change}
    dut = Dut(Board(lambda command: table[command] + "m-ready\r\n"))
    with pytest.raises(NearwireError, match=named):
        dut.require(OURS)


def test_errors_of_the_board_are_quoted() -> None:
    with pytest.raises(NearwireError, match=r"ttyFAKE: the board answered 'e-\[Unknown command: db load 3\]' to 'db load 3'.*failed twice"):
        Dut(Board()).load(np.zeros(3, np.uint8))


class Memory:
    """A board's `db` commands, with some bytes lost on the way."""

    def __init__(self, lost: set[int]) -> None:
        self.lost, self.sent, self.expected, self.found = lost, 0, 0, b""

    def __call__(self, command: str) -> str:
        if command.startswith("db load "):
            self.expected, self.found = int(command.removeprefix("db load ")), b""
            return f"m-[Expecting {self.expected} bytes]\r\nm-ready\r\n"
        self.sent += 1
        content = bytes.fromhex(command.removeprefix("db "))
        self.found += content[:-1] if self.sent in self.lost else content
        return ("m-load-done\r\n" if len(self.found) == self.expected else "") + "m-ready\r\n"


def test_bytes_that_are_lost_once_are_sent_again() -> None:
    sample = np.arange(70, dtype=np.uint8)
    memory = Memory(lost={2})
    Dut(Board(memory)).load(sample)
    assert memory.found == sample.tobytes()
    assert memory.sent == 6


def test_bytes_that_are_lost_twice_are_an_error() -> None:
    with pytest.raises(NearwireError, match="70 bytes were sent, but the board waits for more: bytes were lost on the line. It failed twice"):
        Dut(Board(Memory(lost={2, 5}))).load(np.arange(70, dtype=np.uint8))


def test_a_result_without_its_laps_is_an_error() -> None:
    with pytest.raises(NearwireError, match="'infer' was answered with 0 laps instead of 2"):
        Dut(Board(lambda _: "m-results-[1]\r\nm-ready\r\n")).infer()
