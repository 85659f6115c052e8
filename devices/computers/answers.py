"""What a board answers in JSON, checked as a whole before anything of it is used: a record an action, no field more or less, each of its type and range.

``Told`` is a text of limited length, made plain; ``Figure`` a number that is finite, not negative and not absurd. What does not fit is one
NearwireError that names the board and the field: the board's fault, not the user's.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from devices.common.text import plain
from devices.errors import NearwireError

LONGEST = 2000  # characters of a text
LARGEST = 1e15  # of times in any unit, of instructions and of bytes: more than a week of nanoseconds

Told = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(plain)]
Figure = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, le=int(LARGEST))]


class Record(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


R = TypeVar("R", bound=Record)


def record(kind: type[R], content: bytes, where: str) -> R:
    """The record in JSON of the board ``where``; NearwireError if it is none."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise refused(error, content, where) from error


def refused(error: ValidationError, content: bytes, where: str) -> NearwireError:
    """The error for an answer that is not the record it should be."""
    first = error.errors(include_input=False, include_url=False)[0]
    start = plain(content[:80].decode(errors="replace"))
    if first["type"] == "json_invalid":
        return NearwireError(f"'{where}' answered with something else than JSON: '{start}'.")
    field = plain(".".join(map(str, first["loc"])) or "the whole", 100)
    return NearwireError(f"'{where}' answered with something else than was asked: {field}: {plain(first['msg'], 200)} (it starts with '{start}').")
