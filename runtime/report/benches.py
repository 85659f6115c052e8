"""Results of ``nearwire runtime bench --json``, read back from files: times and counts of builds on devices."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from devices.common.documents import read_json
from devices.errors import InputError


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    device: str
    build: str
    backend: str
    detail: str = ""
    p50_us: float | None = None
    p99_us: float | None = None
    instructions: float | None = None


class _Device(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    device: str
    valid: bool
    invalid: tuple[str, ...] = ()
    error: str | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    rows: tuple[_Row, ...]
    devices: tuple[_Device, ...] = ()


@dataclass(frozen=True)
class Timing:
    """One build by one backend on one device. ``doubt``: why its times must not be trusted, empty if they may."""

    device: str
    build: str
    backend: str
    detail: str
    p50_us: float | None
    p99_us: float | None
    instructions: float | None
    doubt: str


@dataclass(frozen=True)
class Benches:
    """All rows, and the devices that gave none with their reasons."""

    timings: tuple[Timing, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()


def read_benches(paths: Sequence[Path]) -> Benches:
    """The rows of all files in order; InputError naming the file that is none of ours."""
    timings: list[Timing] = []
    silent: dict[str, str] = {}
    for path in paths:
        if not path.is_file():
            raise InputError(f"there is no bench file '{path}'. Make one: nearwire runtime bench BUILD --json > {shlex.quote(path.name)}")
        read = read_json(path, f"'{path}'", f"Make it with: nearwire runtime bench BUILD --json > {path.name}", "is not JSON")
        try:
            document = _Document.model_validate(read)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "the whole"
            raise InputError(f"'{path}' is not what 'nearwire runtime bench --json' prints: {field}: {first['msg']}.") from error
        doubts = {entry.device: "; ".join(entry.invalid) or entry.error or "the run was invalid" for entry in document.devices if not entry.valid}
        given = {row.device for row in document.rows}
        silent |= {device: reason for device, reason in doubts.items() if device not in given}
        timings += [Timing(**row.model_dump(), doubt=doubts.get(row.device, "")) for row in document.rows]
    return Benches(tuple(timings), tuple(sorted(silent.items())))
