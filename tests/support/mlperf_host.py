"""A host that speaks the serial protocol as MLPerf Tiny's public runner does, written from the protocol's description, not with our driver.

It opens the port with pyserial, ends commands with '%', waits for 'm-ready' behind every answer, sends an input as hexadecimal of 31 bytes a
command, and reads laps and results out of the lines.
"""

from __future__ import annotations

import re
import time
from types import TracebackType

import serial


class Host:
    """One open port."""

    def __init__(self, path: str, patience_s: float = 20.0) -> None:
        self.port = serial.Serial(path, 115200, timeout=0.1)
        self.patience_s = patience_s

    def __enter__(self) -> Host:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.port.close()

    def send(self, command: str) -> list[str]:
        """The lines of the answer, m-ready last."""
        self.port.write(command.encode() + b"%")
        return self.lines()

    def settle(self) -> None:
        """Take whatever the board says on its start, until it is quiet."""
        end = time.monotonic() + self.patience_s
        self.port.write(b"%")
        text = b""
        while time.monotonic() < end and not text.endswith(b"m-ready\r\n"):
            text += self.port.read(1)
        self.port.timeout = 0.5
        while self.port.read(100):
            pass
        self.port.timeout = 0.1

    def lines(self) -> list[str]:
        found: list[str] = []
        text, end = b"", time.monotonic() + self.patience_s
        while time.monotonic() < end:
            text += self.port.read(1)
            text += self.port.read(self.port.in_waiting)
            *whole, text = text.split(b"\r\n")
            found += [line.decode() for line in whole]
            if "m-ready" in found:
                return found
        raise TimeoutError(f"no m-ready in {self.patience_s} s; so far {found}")

    def infer(self, sample: bytes, count: int, warmup: int) -> tuple[list[float], float]:
        """The results, and the microseconds of an inference."""
        assert self.send(f"db load {len(sample)}") == [f"m-[Expecting {len(sample)} bytes]", "m-ready"]
        answer: list[str] = []
        for at in range(0, len(sample), 31):
            answer = self.send(f"db {sample[at : at + 31].hex()}")
        assert answer == ["m-load-done", "m-ready"]
        lines = self.send(f"infer {count} {warmup}")
        laps = [int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
        results = next(re.fullmatch(r"m-results-\[(.*)\]", line) for line in lines if line.startswith("m-results"))
        assert results
        return [float(value) for value in results[1].split(",")], (laps[1] - laps[0]) / count
