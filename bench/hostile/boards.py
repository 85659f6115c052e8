"""Surfaces ``agent``, ``serial``, ``conditions`` and ``probe``: what a board answers over ssh, over a serial line, about itself, about its libraries.

The first byte of a mutant says which question it answers. NearwireError is a refusal; what is accepted is used as the commands use it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.hostile.mutate import bytes_of, json_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from bench.support.answers import GOOD, LINES
from devices.common.conditions import CPU, FILES
from devices.computers.answers import record
from devices.computers.remote_conditions import MARK, conditions_of
from devices.computers.wheels import Probed
from devices.links import Connection
from runtime.backends.firmware.dut import Dut
from runtime.measure.bench import BenchReport
from runtime.remote.answers import ANSWERS, Bench, Layers, Scores, answer

WHERE = "hostile"
ACTIONS = tuple(kind.ACTION for kind in ANSWERS)
COMMANDS: dict[str, Callable[[Dut], Any]] = {
    "infer": lambda dut: dut.infer(),
    "stack": lambda dut: dut.stack_bytes(),
    "layers": lambda dut: dut.layers_us(2),
    "name": lambda dut: dut.identify(),
    "profile": lambda dut: dut.identify(),
    "start": lambda dut: dut.start(),
}
FLOOD = 4 * 2**20  # bytes
PIECES = (
    b"\r\n",
    b"m-ready\r\n",
    b"e-[",
    b"m-lap-us-",
    b"-1",
    b"nan",
    b"1e999",
    b"4294967296",
    b"9" * 400,
    b"\x1b[2J",
    b"\xff",
    b"\0",
    b"m-results-[",
    b"sync 1]\r\nm-ready\r\n",
)
VALUES = (
    "",
    "0",
    "-1",
    "nan",
    "9" * 5000,
    "1.2.3",
    "0x" + "f" * 40,
    "\x1b[31m[/x]",
    "\0",
    "cpu  " + "9 " * 40,
    "processor\t: 0\n" * 2000,
    "CPU implementer\t: 0x41\n" * 5000,
    "=5",
    "throttled=0xfffffffff",
)
NAMES = (
    *FILES,
    "throttled",
    "clock",
    f"{CPU}0/cpufreq/scaling_cur_freq",
    "//etc/x",
    "/../../etc/x",
    "/proc",
    "",
    f"{CPU}9x/../../../etc/cpufreq/scaling_governor",
)


class Line(Connection):
    """A line on which the mutant comes in pieces, whatever is asked."""

    where = "hostile line"

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        piece = self.content[self.at : self.at + 512]
        self.at += len(piece)
        return piece


def agent_of(seed: Any, rng: random.Random) -> bytes:
    """A changed answer, an answer to another question, an error, a flood, half of one."""
    action, value = seed
    text = json_of(value, rng).encode("utf-8", "surrogatepass")
    match rng.randrange(12):
        case 0:
            text = bytes_of(text, rng)
        case 1:
            text = json.dumps(value).encode()[: rng.randrange(len(json.dumps(value)))]
        case 2:
            text = json_of({"action": action, "error": "no", "exit_code": 2}, rng).encode("utf-8", "surrogatepass")
        case 3 if rng.randrange(100) == 0:
            text = rng.choice((b"\0", b"[", b"1", b'{"a":', b"[],", b'"x",')) * (FLOOD // 6)
    asked = ACTIONS.index(action) if rng.randrange(10) else rng.randrange(len(ACTIONS))
    return bytes([asked]) + text


def use_agent(content: bytes) -> None:
    """Read it as the answer to the question."""
    kind = ANSWERS[content[0]]
    reply = answer(kind, content[1:], WHERE)
    if isinstance(reply, Scores):
        reply.values(2, 3, WHERE)
    if isinstance(reply, Layers):
        reply.figures()
    if isinstance(reply, Bench):
        json.dumps(BenchReport.from_dict(reply.fields()).to_dict(), allow_nan=False)
    _printable(reply.model_dump())


def _printable(value: Any) -> None:
    """AssertionError, a fault of ours, for a control character or a number that is none."""
    if isinstance(value, dict | list | tuple):
        for one in [*value, *value.values()] if isinstance(value, dict) else value:
            _printable(one)
    elif isinstance(value, str):
        assert value.isprintable()
    elif isinstance(value, float):
        assert value - value == 0


def serial_of(seed: Any, rng: random.Random) -> bytes:
    """Changed lines, lines of other commands, floods."""
    command, lines = seed
    content = b"".join(line.encode() + b"\r\n" for line in (*lines, "m-ready"))
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(content) + 1)
        content = content[:at] + rng.choice(PIECES) + content[at + rng.choice((0, 1, 4)) :]
    if rng.randrange(3) == 0:
        content = bytes_of(content, rng)
    if rng.randrange(500) == 0:
        content = rng.choice((b"\0", b"x", b"\n", b"x\r\n", b"m-lap-us-1\r\n")) * (FLOOD // 12)
    names = list(COMMANDS)
    return bytes([names.index(command) if rng.randrange(10) else rng.randrange(len(names))]) + content


def use_serial(content: bytes) -> None:
    """Read it as the answer to the command."""
    list(COMMANDS.values())[content[0]](Dut(Line(content[1:]), 0.0005))


def conditions_text(seed: Any, rng: random.Random) -> bytes:
    """Sections of any name with any content."""
    parts = [f"{rng.choice((MARK, MARK, MARK, '== ', ''))}{rng.choice(NAMES)}\n{rng.choice((*VALUES, seed))}\n" for _ in range(rng.randrange(12))]
    content = "".join(parts).encode()
    return bytes_of(content, rng) if rng.randrange(3) == 0 else content


def use_conditions(content: bytes) -> None:
    """Read it as what the script printed."""
    conditions = conditions_of(content.decode(errors="replace"))
    json.dumps(conditions.to_dict(), allow_nan=False)
    _printable(conditions.to_dict())


def use_probe(content: bytes) -> None:
    """Read it as what a Python there says of a library."""
    _printable(record(Probed, content, WHERE).model_dump())


def probe_of(seed: Any, rng: random.Random) -> bytes:
    """A changed answer."""
    text = json_of(seed, rng).encode("utf-8", "surrogatepass")
    return bytes_of(text, rng) if rng.randrange(4) == 0 else text


def _run(name: str, seeds: list[Any], mutate: Callable[[Any, random.Random], bytes], use: Callable[[bytes], None], count: int, seed: int) -> Report:
    return run_surface(Surface(name, "answer", lambda: seeds, mutate, Path.read_bytes, use), count, seed)


def run_agent(count: int, seed: int) -> Report:
    """Answers of the agent."""
    return _run("agent", list(GOOD.items()), agent_of, use_agent, count, seed)


def run_serial(count: int, seed: int) -> Report:
    """Lines of a firmware."""
    return _run("serial", [*LINES.items(), ("start", ("e-[Unknown command: sync 1]",))], serial_of, use_serial, count, seed)


def run_conditions(count: int, seed: int) -> Report:
    """What a board says of itself."""
    return _run("conditions", ["0.5 0.4 1/9 1", "1800000", "Cortex"], conditions_text, use_conditions, count, seed)


def run_probe(count: int, seed: int) -> Report:
    """What a Python there says of a library."""
    good = {"python": "3.11.2", "numpy": "1.26.4", "version": "1.17", "error": "ImportError: x"}
    return _run("probe", [good, {"python": "3.13.0"}], probe_of, use_probe, count, seed)


RUNS: dict[str, Callable[[int, int], Report]] = {"agent": run_agent, "serial": run_serial, "conditions": run_conditions, "probe": run_probe}


def run(count: int, seed: int) -> Report:
    """All of them, ``count`` mutants each, in one report."""
    total = Report("boards", seed)
    for one in (campaign(count, seed) for campaign in RUNS.values()):
        total.mutants, total.accepted, total.refused = total.mutants + one.mutants, total.accepted + one.accepted, total.refused + one.refused
        total.peak_bytes, total.seconds = max(total.peak_bytes, one.peak_bytes), total.seconds + one.seconds
        total.faults.update({f"{one.surface}: {fault}": times for fault, times in one.faults.items()})
        total.first |= {f"{one.surface}: {fault}": number for fault, number in one.first.items()}
    return total
