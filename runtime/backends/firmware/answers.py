"""What a firmware answers over the serial protocol, one record an action: the lines before m-ready in, plain values out.

Nothing is used before all of it is checked: every number has a form and a range, what must come once comes once. Anything else is one NearwireError
that names the port and quotes the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from devices.common.text import plain
from devices.errors import NearwireError

WORD = 2**32  # the board's counters wrap at
MOST_SCORES = 1 << 16
QUOTED = 200  # characters of a line in a message
SCORE = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,6})?")
LAYER = re.compile(r"m-layer-([0-9]{1,5})-ticks-([0-9]{1,19})-per-us-([0-9]{1,6})")


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


@dataclass(frozen=True)
class Lines:
    """The lines of an answer to ``command``, and where they came from, for messages."""

    lines: Sequence[str]
    where: str
    command: str

    def field(self, prefix: str) -> str:
        """What stands behind the prefix in the first line that has it, without brackets."""
        for line in self.lines:
            if line.startswith(prefix):
                return line[len(prefix) :].removeprefix("[").removesuffix("]")
        text = plain(" ".join(self.lines), QUOTED) or "it is empty"
        raise NearwireError(f"{self.where}: the answer has no line '{prefix}...': {text}. Is it our firmware?")

    def number(self, prefix: str) -> int:
        """The one number of 32 bits behind the prefix."""
        (value,) = self.numbers(prefix, 1)
        return value

    def numbers(self, prefix: str, count: int) -> list[int]:
        """All numbers of 32 bits behind the prefix, of which there must be so many."""
        texts = [line[len(prefix) :] for line in self.lines if line.startswith(prefix)]
        if not texts:
            self.field(prefix)
        values = [int(text) for text in texts if re.fullmatch(r"[0-9]{1,10}", text)]
        if len(values) != len(texts) or len(values) != count or max(values, default=0) >= WORD:
            raise self.refused(f"{count} line{'s' if count > 1 else ''} '{prefix}NUMBER' of 32 bits")
        return values

    def refused(self, expected: str) -> NearwireError:
        """The error for an answer without what is ``expected``."""
        return NearwireError(
            f"{self.where}: '{self.command}' was answered with '{plain(' '.join(self.lines), QUOTED)}', not with {expected}. Is it our firmware?"
        )


def identity(name: Lines, profile: Lines) -> Identity:
    """From the answers to `name` and `profile`."""
    return Identity(name.field("m-name-dut-"), profile.field("m-profile-"), profile.field("m-model-"), profile.field("m-sha256-"))


def inference(answer: Lines, count: int) -> Inference:
    """From the answer to `infer`, which must be of ``count`` inferences."""
    laps = sum(line.startswith("m-lap-us-") for line in answer.lines)
    if laps != 2:
        raise NearwireError(f"{answer.where}: 'infer' was answered with {laps} laps instead of 2: {plain(' '.join(answer.lines), QUOTED)}.")
    start, end = answer.numbers("m-lap-us-", 2)
    if answer.number("m-infer-start-") != count:
        raise answer.refused(f"{count} inferences")
    texts = answer.field("m-results-").split(",")
    scores = tuple(round(float(text)) for text in texts if SCORE.fullmatch(text))
    if len(scores) != len(texts) or len(texts) > MOST_SCORES or not all(-(2**31) <= score < 2**31 for score in scores):
        raise answer.refused("scores of 32 bits in 'm-results-[...]'")
    return Inference(scores, (end - start) % WORD, count)


def layers_us(answer: Lines, layers: int) -> list[float]:
    """Microseconds of each of so many layers, from the answer to `layers`."""
    matches = [match for line in answer.lines if (match := LAYER.fullmatch(line))]
    if [int(match[1]) for match in matches] != list(range(layers)) or any(int(match[3]) == 0 for match in matches):
        raise answer.refused(f"the ticks of {layers} layers")
    return [int(match[2]) / int(match[3]) for match in matches]
