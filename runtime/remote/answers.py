"""What the agent of a board (runtime/commands/agent.py) answers, an ``Answer`` an action; ``answer`` reads one or raises what it reports."""

from __future__ import annotations

import base64
import binascii
import itertools
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from pydantic import Field, StringConstraints, ValidationError, model_validator

from devices.computers.answers import LARGEST, Figure, Record, Told, Whole, refused
from devices.errors import CheckError, InputError, NearwireError
from runtime.backends.base import LayerFigure
from runtime.network.network import Array

MOST_ROWS = 10_000  # of layers or operators
MOST_TEXTS = 100
SCORES_FREE = 8192  # bytes of an answer with scores that are not scores
ORDER = ("min_us", "p50_us", "p90_us", "p95_us", "p99_us", "p999_us", "max_us")  # each at most the next
ROUNDING = 1 + 1e-9
Kelvin = Annotated[float, Field(ge=-273.15, le=LARGEST, allow_inf_nan=False)]
Score = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Answer(Record):
    """It says which action it answers."""

    ACTION: ClassVar[str] = ""
    action: str

    @model_validator(mode="after")
    def _to_this_question(self) -> Self:
        if self.ACTION and self.action != self.ACTION:
            raise ValueError(f"it answers '{self.action}', not '{self.ACTION}'")
        return self


class Failure(Answer):
    """The agent could not do it, and says why."""

    error: Told
    exit_code: Literal[1, 2, 3]

    def to_error(self, where: str) -> NearwireError:
        kind = {2: InputError, 3: CheckError}.get(self.exit_code, NearwireError)
        return kind(f"on '{where}': {self.error}")


class Probe(Answer):
    """Versions, and what keeps a backend from working."""

    ACTION = "probe"
    missing: Told | None
    numpy: Told
    python: Told


class Scores(Answer):
    """The scores of all samples, base64 of int32."""

    ACTION = "scores"
    scores: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
    detail: Told

    def values(self, samples: int, outputs: int, where: str) -> Array:
        """(samples, outputs) int32; NearwireError if they are not so many."""
        try:
            content = base64.b64decode(self.scores, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NearwireError(f"'{where}' answered with scores that are not base64.") from error
        if len(content) != samples * outputs * 4:
            raise NearwireError(
                f"'{where}' answered with {len(content)} bytes of scores; {samples} samples of {outputs} scores have {samples * outputs * 4}."
            )
        return np.frombuffer(content, "<i4").reshape(samples, outputs).copy()

    @staticmethod
    def most_bytes(samples: int, outputs: int) -> int:
        """How long such an answer may be."""
        return SCORES_FREE + (samples * outputs * 4 + 2) // 3 * 4


class Layer(Record):
    """The figures of one layer."""

    name: Told
    time_us: Figure | None
    instructions: Figure | None
    note: Told
    cycles: Figure | None


class Layers(Answer):
    """The backend's figures per layer."""

    ACTION = "layers"
    layers: Annotated[tuple[Layer, ...], Field(max_length=MOST_ROWS)]
    detail: Told

    def figures(self) -> list[LayerFigure]:
        return [LayerFigure(**layer.model_dump()) for layer in self.layers]


class Counted(Record):
    """One backend behind a counting emulator."""

    detail: Told
    scores: Annotated[tuple[Score, ...], Field(max_length=1 << 20)]


class Count(Answer):
    """What computed between the marks that a counting emulator saw."""

    ACTION = "count"
    backends: Annotated[dict[Told, Counted], Field(max_length=MOST_TEXTS)]


class State(Record):
    """Conditions of the board."""

    machine: Told | None
    core: Told | None
    cpus: Whole | None
    kernel: Told | None
    governor: Told | None
    frequency_mhz: Figure | None
    frequency_max_mhz: Figure | None
    temperature_c: Kelvin | None
    throttled_flags: Annotated[int, Field(ge=0, lt=2**32)] | None
    throttle_count: Whole | None
    load_1min: Figure | None
    stolen_ticks: Annotated[int, Field(ge=0, lt=2**63)] | None


class Operator(Layer):
    """The figures of one operator, with its share of the whole."""

    share: Annotated[float, Field(ge=0, le=ROUNDING, allow_inf_nan=False)]


class Growth(Record):
    """Memory of a backend."""

    init_bytes: Whole
    peak_bytes: Whole


class Row(Record):
    """One backend: the fields of BenchRow."""

    device: Told
    build: Told
    backend: Told
    detail: Told
    runs: Annotated[int, Field(ge=1, le=int(LARGEST))]
    init_us: Figure | None
    first_us: Figure | None
    mean_us: Figure | None
    min_us: Figure | None
    max_us: Figure | None
    p50_us: Figure | None
    p90_us: Figure | None
    p95_us: Figure | None
    p99_us: Figure | None
    p999_us: Figure | None
    timer_us: Figure | None
    drift: Figure | None
    instructions: Figure | None
    memory: Growth | None
    operators: Annotated[tuple[Operator, ...], Field(max_length=MOST_ROWS)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        times = [(name, value) for name in ORDER if (value := getattr(self, name)) is not None]
        for (low, before), (high, after) in itertools.pairwise(times):
            if before > after * ROUNDING:
                raise ValueError(f"{low} is larger than {high}")
        return self


class Bench(Answer):
    """A report of a bench: the fields of BenchReport, whose ``from_dict`` takes ``fields()``."""

    ACTION = "bench"
    device: Told
    rows: Annotated[tuple[Row, ...], Field(max_length=MOST_TEXTS)]
    before: State
    after: State
    invalid: Annotated[tuple[Told, ...], Field(max_length=MOST_TEXTS)]
    notes: Annotated[tuple[Told, ...], Field(max_length=MOST_TEXTS)]
    versions: Annotated[dict[Told, Told], Field(max_length=MOST_TEXTS)]
    error: None

    def fields(self) -> dict[str, Any]:
        return self.model_dump(exclude={"action"})


A = TypeVar("A", bound=Answer)
ANSWERS: tuple[type[Answer], ...] = (Probe, Scores, Layers, Count, Bench)


def answer(kind: type[A], content: bytes, where: str) -> A:
    """The answer of the board ``where``; the error that it reports, or NearwireError if it is neither."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise _reported(kind, content, where) or refused(error, content, where) from error


def _reported(kind: type[Answer], content: bytes, where: str) -> NearwireError | None:
    try:
        failure = Failure.model_validate_json(content)
    except ValidationError:
        return None
    return failure.to_error(where) if failure.action == kind.ACTION else None


def request(kind: type[Answer], **fields: Any) -> dict[str, Any]:
    """What the agent is asked."""
    return {**fields, "action": kind.ACTION}
