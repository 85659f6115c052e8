"""The host's side of the serial protocol of ``runtime/firmware/protocol.h``, for any link: load an input, run it, read scores and times back.

A board that says nothing or does not stop, an error it sends, lost bytes and a foreign firmware are errors that name the port, the command and the
seconds. What it answers is checked in answers.py.
"""

from __future__ import annotations

import re
import time

from devices.common.text import plain
from devices.errors import NearwireError
from devices.links import Connection
from runtime.backends.firmware import answers
from runtime.backends.firmware.answers import QUOTED, Identity, Inference, Lines
from runtime.network.network import Array

READY = "m-ready"
CHUNK = 31  # bytes of a `db` command, as MLPerf Tiny's runner sends them
TIMEOUT_S = 5.0
MOST_INFERENCES = 999_999  # of one command
ANSWER_BYTES = 1 << 20  # of one answer; its longest line holds all scores
SYNC_CHARACTERS = 4096  # of what is kept while the board is looked for
RETRY_S = 1.0  # a board that is still starting loses what it is sent
NAME = "nearwire"


class BoardError(NearwireError):
    """The board answered with an error."""


class Interrupted(NearwireError):
    """A run over several samples that failed on the way; ``scores`` are those it has."""

    def __init__(self, message: str, scores: Array) -> None:
        super().__init__(message)
        self.scores = scores


class Dut:
    """A device under test behind an open connection."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self.connection, self.timeout_s = connection, timeout_s
        self._pending = bytearray()

    def start(self) -> None:
        """Wait until the board answers: it may be starting, or in the middle of a command that nobody ended.

        A command that it cannot know comes back in its answer, so that older answers on the line are told apart.
        """
        end = time.monotonic() + self.timeout_s
        seen, number = "", 0
        while time.monotonic() < end:
            number += 1
            self.connection.write(f"%sync {number}%".encode("ascii"))
            pattern = re.compile(rf"sync {number}\]\s+{READY}\r?\n")
            retry = min(end, time.monotonic() + RETRY_S)
            while (left := retry - time.monotonic()) > 0:
                seen += self.connection.read(left).decode("ascii", "replace")
                if pattern.search(seen):
                    self._pending.clear()
                    return
                seen = seen[-SYNC_CHARACTERS:]
        raise self._silent("%sync", self.timeout_s, seen.split("\r\n")[-4:-1])

    def command(self, text: str, timeout_s: float | None = None) -> list[str]:
        """The lines of the answer before m-ready; NearwireError if the board is silent or answers with an error."""
        limit = self.timeout_s if timeout_s is None else timeout_s
        self.connection.write(f"{text}%".encode("ascii"))
        lines: list[str] = []
        size, end = 0, time.monotonic() + limit
        while True:
            line = self._line(end)
            if line is None:
                raise self._silent(text, limit, lines)
            if line == READY:
                break
            lines.append(line)
            size += len(line) + 2
            if size > ANSWER_BYTES:
                raise self._flooded()
        errors = [line for line in lines if line.startswith("e-[")]
        if errors:
            raise BoardError(f"{self.connection.where}: the board answered '{plain(errors[0], QUOTED)}' to '{_short(text)}'.")
        return lines

    def identify(self) -> Identity:
        """Name, version, model and network of the firmware; NearwireError if it is not one of ours."""
        named = self._answer("name")
        name = named.field("m-name-dut-")
        if name != NAME:
            raise NearwireError(
                f"{self.connection.where}: the firmware is called '{plain(name, QUOTED)}', not '{NAME}'. Flash this build's: nearwire runtime flash BUILD --device BOARD"
            )
        return answers.identity(named, self._answer("profile"))

    def require(self, build: Identity) -> Identity:
        """The identity of the firmware; NearwireError if it is another one."""
        actual = self.identify()
        for what, expected, there in (
            ("model", build.model, actual.model),
            ("network's sha256", build.sha256, actual.sha256),
            ("profile", build.profile, actual.profile),
        ):
            if expected != there:
                raise NearwireError(
                    f"{self.connection.where}: the firmware's {what} is '{plain(there, QUOTED)}', the build's is '{expected}': another firmware is on the board. "
                    "Flash this build's: nearwire runtime flash BUILD --device BOARD"
                )
        return actual

    def load(self, sample: Array) -> None:
        """Send an input (uint8), 31 bytes a command; once more if bytes are lost on the way, then NearwireError."""
        content = sample.tobytes()
        for attempt in (1, 2):
            try:
                self.command(f"db load {len(content)}")
                lines: list[str] = []
                for at in range(0, len(content), CHUNK):
                    lines = self.command(f"db {content[at : at + CHUNK].hex()}")
                if "m-load-done" in lines:
                    return
                problem = f"{self.connection.where}: {len(content)} bytes were sent, but the board waits for more: bytes were lost on the line."
            except BoardError as error:
                problem = str(error)
            if attempt == 2:
                raise NearwireError(f"{problem} It failed twice; try a shorter cable or another port.")

    def infer(self, count: int = 1, warmup: int = 0, timeout_s: float | None = None) -> Inference:
        """Run the loaded input ``count`` times behind ``warmup`` runs that are not timed."""
        return answers.inference(self._answer(f"infer {count} {warmup}", timeout_s), count)

    def stack_bytes(self) -> int:
        """How much of the stack was ever used."""
        return self._answer("stack").number("m-stack-bytes-")

    def layers_us(self, layers: int) -> list[float]:
        """Microseconds in each of so many layers during the last `infer`, all its inferences together; the firmware must be made for it."""
        return answers.layers_us(self._answer("layers"), layers)

    def _answer(self, text: str, timeout_s: float | None = None) -> Lines:
        return Lines(self.command(text, timeout_s), self.connection.where, _short(text))

    def _line(self, end: float) -> str | None:
        """The next line, or None when the time is over; NearwireError for one that is longer than an answer may be."""
        searched = 0
        while (at := self._pending.find(b"\n", searched)) < 0:
            searched, left = len(self._pending), end - time.monotonic()
            if left <= 0:
                return None
            if searched > ANSWER_BYTES:
                raise self._flooded()
            self._pending += self.connection.read(left)
        line = self._pending[:at].decode("ascii", "replace").strip()
        del self._pending[: at + 1]
        return line

    def _flooded(self) -> NearwireError:
        return NearwireError(
            f"{self.connection.where}: the board sent more than the {ANSWER_BYTES:,} bytes that an answer may have. Is it our firmware?"
        )

    def _silent(self, command: str, limit_s: float, lines: list[str]) -> NearwireError:
        before = f" It had said: {plain(' '.join(lines), QUOTED)}." if lines else ""
        return NearwireError(
            f"{self.connection.where}: no answer to '{_short(command)}' within {limit_s:g} s.{before} Is the board connected and powered, "
            "and this build's firmware on it?"
        )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
