"""The host's side of the serial protocol of ``runtime/firmware/protocol.h``, for any link: load an input, run it, read scores and times back.

A board that says nothing, an error it sends, lost bytes and a foreign firmware are errors that name the port, the command and the seconds.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from devices.errors import NearwireError
from devices.links import Connection
from runtime.network.network import Array

READY = "m-ready"
CHUNK = 31  # bytes of a `db` command, as MLPerf Tiny's runner sends them
TIMEOUT_S = 5.0
MOST_INFERENCES = 999_999  # of one command
RETRY_S = 1.0  # a board that is still starting loses what it is sent
NAME = "nearwire"


@dataclass(frozen=True)
class Identity:
    """What a firmware says about itself."""

    name: str
    profile: str  # version and board
    model: str
    sha256: str  # of the network


@dataclass(frozen=True)
class Inference:
    """The answer to `infer`."""

    scores: tuple[int, ...]
    us: int  # between the two laps
    count: int  # inferences between them


class Interrupted(NearwireError):
    """A run over several samples that failed on the way; ``scores`` are those it has."""

    def __init__(self, message: str, scores: Array) -> None:
        super().__init__(message)
        self.scores = scores


class Dut:
    """A device under test behind an open connection."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self.connection, self.timeout_s = connection, timeout_s
        self._pending = b""

    def start(self) -> None:
        """Wait until the board answers: it may be starting, or in the middle of a command that nobody ended.

        A command that it cannot know comes back in its answer, so that older answers on the line are told apart.
        """
        end = time.monotonic() + self.timeout_s
        seen, number = "", 0
        while time.monotonic() < end:
            number += 1
            self.connection.write(f"%sync {number}%".encode("ascii"))
            wanted = re.compile(rf"sync {number}\]\s+{READY}\r?\n")
            retry = min(end, time.monotonic() + RETRY_S)
            while (left := retry - time.monotonic()) > 0:
                seen += self.connection.read(left).decode("ascii", "replace")
                if wanted.search(seen):
                    self._pending = b""
                    return
        raise self._silent("%sync", self.timeout_s, seen.split("\r\n")[-4:-1])

    def command(self, text: str, timeout_s: float | None = None) -> list[str]:
        """The lines of the answer before m-ready; NearwireError if the board is silent or answers with an error."""
        limit = self.timeout_s if timeout_s is None else timeout_s
        self.connection.write(f"{text}%".encode("ascii"))
        lines: list[str] = []
        end = time.monotonic() + limit
        while True:
            line = self._line(end)
            if line is None:
                raise self._silent(text, limit, lines)
            if line == READY:
                break
            lines.append(line)
        errors = [line for line in lines if line.startswith("e-[")]
        if errors:
            raise NearwireError(f"{self.connection.where}: the board answered '{errors[0]}' to '{_short(text)}'.")
        return lines

    def identify(self) -> Identity:
        """Name, version, model and network of the firmware; NearwireError if it is not one of ours."""
        name = self._field(self.command("name"), "m-name-dut-")
        if name != NAME:
            raise NearwireError(
                f"{self.connection.where}: the firmware is called '{name}', not '{NAME}'. Flash this build's: python -m runtime flash BUILD --device BOARD"
            )
        lines = self.command("profile")
        return Identity(name, self._field(lines, "m-profile-"), self._field(lines, "m-model-"), self._field(lines, "m-sha256-"))

    def require(self, wanted: Identity) -> Identity:
        """The identity of the firmware; NearwireError if it is another one."""
        found = self.identify()
        for what, expected, there in (
            ("model", wanted.model, found.model),
            ("network's sha256", wanted.sha256, found.sha256),
            ("profile", wanted.profile, found.profile),
        ):
            if expected != there:
                raise NearwireError(
                    f"{self.connection.where}: the firmware's {what} is '{there}', the build's is '{expected}': another firmware is on the board. "
                    "Flash this build's: python -m runtime flash BUILD --device BOARD"
                )
        return found

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
            except NearwireError as error:
                if "e-[" not in str(error):
                    raise
                problem = str(error)
            if attempt == 2:
                raise NearwireError(f"{problem} It failed twice; try a shorter cable or another port.")

    def infer(self, count: int = 1, warmup: int = 0, timeout_s: float | None = None) -> Inference:
        """Run the loaded input ``count`` times behind ``warmup`` runs that are not timed."""
        lines = self.command(f"infer {count} {warmup}", timeout_s)
        laps = [int(self._field([line], "m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
        if len(laps) != 2:
            raise NearwireError(f"{self.connection.where}: 'infer' was answered with {len(laps)} laps instead of 2: {' '.join(lines)}.")
        scores = tuple(round(float(score)) for score in self._field(lines, "m-results-").split(","))
        return Inference(scores, (laps[1] - laps[0]) % 2**32, count)

    def stack_bytes(self) -> int:
        """How much of the stack was ever used."""
        return int(self._field(self.command("stack"), "m-stack-bytes-"))

    def layers_us(self) -> list[float]:
        """Microseconds in each layer during the last `infer`, all its inferences together; the firmware must be made for it."""
        found = [re.fullmatch(r"m-layer-\d+-ticks-(\d+)-per-us-(\d+)", line) for line in self.command("layers")]
        return [int(match[1]) / int(match[2]) for match in found if match]

    def _field(self, lines: list[str], prefix: str) -> str:
        for line in lines:
            if line.startswith(prefix):
                return line[len(prefix) :].removeprefix("[").removesuffix("]")
        raise NearwireError(f"{self.connection.where}: the answer has no line '{prefix}...': {' '.join(lines) or 'it is empty'}. Is it our firmware?")

    def _line(self, end: float) -> str | None:
        """The next line, or None when the time is over."""
        while b"\n" not in self._pending:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._pending += self.connection.read(left)
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode("ascii", "replace").strip()

    def _silent(self, command: str, limit_s: float, lines: list[str]) -> NearwireError:
        before = f" It had said: {' '.join(lines)}." if lines else ""
        return NearwireError(
            f"{self.connection.where}: no answer to '{_short(command)}' within {limit_s:g} s.{before} Is the board connected and powered, "
            "and this build's firmware on it?"
        )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
