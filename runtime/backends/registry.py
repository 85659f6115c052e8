"""The backends as plain data: what each can do, where it runs and what it needs there. Nothing is loaded before a backend is asked for.

To add one: a module in this package that ends with ``BACKEND`` (base.py says what that must do), and its line in ``BACKENDS``. Commands, bench,
the visits of other computers and compile's proof take what they must know from here; the parity tests walk all entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from devices.errors import unknown_name

COMPUTER, CORE, RUN, PROFILE = "computer", "core", "run", "profile"  # what a backend may be the default for: a device, or a command without one


@dataclass(frozen=True)
class Entry:
    """One backend. ``libraries``: names that stand for it with that library, so that several can be measured in one run."""

    name: str
    module: str  # ends with BACKEND
    on_core: bool = False  # runs on a microcontroller's core, emulated or real; else on a computer
    slow: bool = False  # emulates: compile's proof gives it a part of the test set only
    travels: Literal["python", "program"] | None = None  # to another computer: with our Python code, as a compiled program, or not at all
    packages: tuple[str, ...] = ()  # wheels that it needs there besides numpy and safetensors
    libraries: Mapping[str, str] = field(default_factory=dict)  # name: wheel
    steps: bool = False  # computes single time steps of spiking networks
    spikes: str | None = None  # tells every spike: "", or where it does; None: nowhere
    data_only: bool = False  # runs no code of a build, so that builds of others need no trust
    verified: bool = False  # compared with the integer reference in every compile
    default_for: tuple[str, ...] = ()


BACKENDS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("c", "runtime.backends.c.steady", travels="program", spikes="", verified=True, default_for=(COMPUTER,)),
        Entry(
            "onnxruntime",
            "runtime.backends.onnx.steady",
            travels="python",
            packages=("onnxruntime",),
            steps=True,
            data_only=True,
            spikes="",
            verified=True,
        ),
        Entry(
            "tflite",
            "runtime.backends.tflite.steady",
            travels="python",
            packages=("ai-edge-litert",),
            libraries={"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"},
            steps=True,
            spikes="",
            data_only=True,
            verified=True,
        ),
        Entry(
            "firmware",
            "runtime.backends.firmware.backend",
            on_core=True,
            slow=True,
            spikes="on an emulated core",
            verified=True,
            default_for=(CORE, PROFILE),
        ),
        Entry("reference", "runtime.backends.reference", travels="python", steps=True, spikes="", data_only=True, default_for=(RUN,)),
    )
}


def find(name: str) -> Entry | None:
    """The backend of that name, or the one that has a library of that name; None if there is none."""
    return BACKENDS.get(name) or next((entry for entry in BACKENDS.values() if name in entry.libraries), None)


def entry_of(name: str) -> Entry:
    """The same; InputError with the nearest name if there is none."""
    entry = find(name)
    if entry is None:
        raise unknown_name("backend", name, [*BACKENDS, *library_names()])
    return entry


def library_names() -> list[str]:
    """Names that stand for a backend with one of its libraries."""
    return [library for entry in BACKENDS.values() for library in entry.libraries]


def packages_of(name: str) -> tuple[str, ...]:
    """The wheels that a backend, or a backend with one library, needs on another computer besides numpy and safetensors."""
    entry = entry_of(name)
    return (entry.libraries[name],) if name in entry.libraries else entry.packages


def is_program(name: str) -> bool:
    """Whether a backend is a compiled program on another computer, which needs no Python there."""
    return entry_of(name).travels == "program"


def travelling() -> list[str]:
    """The backends that a Linux board can have."""
    return [entry.name for entry in BACKENDS.values() if entry.travels]


def verified() -> list[str]:
    """The backends that every compile compares with the integer reference."""
    return [entry.name for entry in BACKENDS.values() if entry.verified]


def stepping() -> list[str]:
    """The backends that compute single time steps."""
    return [entry.name for entry in BACKENDS.values() if entry.steps]


def runs_code(name: str) -> bool:
    """Whether a backend compiles and runs the C of a build. 'all' stands for one that does, an unknown name for none: it is refused elsewhere."""
    entry = find(name)
    return name == "all" if entry is None else not entry.data_only


def harmless() -> list[str]:
    """The backends that run no code of a build."""
    return [entry.name for entry in BACKENDS.values() if entry.data_only]


def default_for(purpose: str) -> str:
    """The backend that is taken where none is named."""
    return next(entry.name for entry in BACKENDS.values() if purpose in entry.default_for)


def tells_spikes() -> str:
    """The backends that tell spikes, for messages."""
    return ", ".join(f"{entry.name} {entry.spikes}".strip() for entry in BACKENDS.values() if entry.spikes is not None)
