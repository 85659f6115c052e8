"""What a value of a network's header may be: types and ranges, declared once and checked before anything is computed from them.

``check`` raises InputError naming the file, the field, what stands there and what is allowed. Plain Python: a board that runs networks needs
numpy and safetensors alone. The header itself is ``HEADER``; the options of a layer are declared by its kind (runtime/network/kinds/base.py).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.common.guard import plain, shown
from devices.errors import InputError, unknown_name
from runtime.network.network import ACTIVATIONS, STAGES
from runtime.network.spiking.constants import CODINGS, LEAD_MAX, READOUTS, RESETS, STEPS_MAX

WIDTH_MAX = 2**24  # values of a sample or of a layer: 255 x 255 cells of 256 channels
WEIGHTS_MAX = 2**28  # weights that a layer may stand for, whatever few numbers its file holds
REAL_MAX = 1e30  # of a number that is no count: float32 holds its sums
TEXT_MAX = 1000  # characters of a name


class Value(ABC):
    """What one value may be."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """In words, for messages."""

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Whether a value is of it."""

    def check(self, value: Any, where: str, name: str) -> None:
        """InputError unless the value, ``name`` of the file or layer ``where``, is of it."""
        if not self.holds(value):
            raise InputError(f"{where}: {name} is {shown(value)}; allowed: {self.allowed}.")


@dataclass(frozen=True)
class Whole(Value):
    """A whole number ``low`` .. ``high``."""

    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"a whole number {self.low} to {self.high}"

    def holds(self, value: Any) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True)
class Real(Value):
    """A finite number ``low`` .. ``high``; ``above``: more than ``low``."""

    low: float
    high: float = REAL_MAX
    above: bool = False

    @property
    def allowed(self) -> str:
        return f"a number {'above ' if self.above else ''}{self.low:g} to {self.high:g}"

    def holds(self, value: Any) -> bool:
        return type(value) in (int, float) and self.low <= value <= self.high and not (self.above and value == self.low)


POSITIVE = Real(1 / REAL_MAX)


@dataclass(frozen=True)
class Flag(Value):
    """true or false."""

    @property
    def allowed(self) -> str:
        return "true or false"

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Word(Value):
    """One of the names of a registry; ``what`` it names, for messages."""

    known: tuple[str, ...]
    what: str

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(self.known)}"

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.known

    def check(self, value: Any, where: str, name: str) -> None:
        if isinstance(value, str) and value not in self.known:
            raise unknown_name(f"{self.what} in {where}", plain(value), self.known)
        super().check(value, where, name)


@dataclass(frozen=True)
class Text(Value):
    """A text of at most ``TEXT_MAX`` characters, none of them a control character, none half a pair of surrogates."""

    empty: bool = False

    @property
    def allowed(self) -> str:
        return f"a text of {'at most' if self.empty else '1 to'} {TEXT_MAX} characters, no control characters among them"

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and (self.empty or value != "") and len(value) <= TEXT_MAX and is_clean(value)


@dataclass(frozen=True)
class Several(Value):
    """A list of ``least`` .. ``most`` values of one sort."""

    item: Value
    least: int
    most: int

    @property
    def allowed(self) -> str:
        count = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"a list of {count}, each {self.item.allowed}"

    def holds(self, value: Any) -> bool:
        return isinstance(value, list | tuple) and self.least <= len(value) <= self.most and all(self.item.holds(item) for item in value)


@dataclass(frozen=True)
class Maybe(Value):
    """A value or null."""

    item: Value

    @property
    def allowed(self) -> str:
        return f"{self.item.allowed}, or null"

    def holds(self, value: Any) -> bool:
        return value is None or self.item.holds(value)


@dataclass(frozen=True)
class Table(Value):
    """An object; with ``fields`` one with these names, of which those in ``optional`` may be absent; without, any."""

    fields: Mapping[str, Value] | None = None
    optional: Mapping[str, Value] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        return "an object" if self.fields is None else f"an object with {', '.join(self.fields) or 'nothing'}"

    def holds(self, value: Any) -> bool:
        return isinstance(value, Mapping)

    def check(self, value: Any, where: str, name: str) -> None:
        super().check(value, where, name)
        if self.fields is None:
            return
        known = {**self.fields, **self.optional}
        if missing := [key for key in self.fields if key not in value]:
            raise InputError(f"{where} lacks a part of its structure: {name} has no '{missing[0]}'. It is damaged or was changed.")
        if unknown := [key for key in value if key not in known]:
            raise InputError(f"{where}: {name} has '{plain(str(unknown[0]))}', which nobody knows. Known: {', '.join(sorted(known))}.")
        for key, spec in known.items():
            if key in value:
                spec.check(value[key], where, f"field '{key}' of {name}")


@dataclass(frozen=True)
class Tables(Several):
    """A list of objects, each checked by itself, so that a message names the field."""

    def check(self, value: Any, where: str, name: str) -> None:
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            super().check(value, where, name)
        for k, entry in enumerate(value):
            self.item.check(entry, where, f"entry {k} of {name}")

    def holds(self, value: Any) -> bool:
        return isinstance(value, list) and self.least <= len(value) <= self.most


INPUT = Table(
    {"shape": Several(Whole(1, WIDTH_MAX), 1, 8), "scale": POSITIVE, "zero_point": Whole(0, 255), "cut": Whole(0, 7)},
)
SPIKING = Table(
    {},
    {
        "steps": Whole(1, STEPS_MAX),
        "beta": Real(0, 1),
        "threshold": POSITIVE,
        "reset": Word(RESETS, "reset of the neurons"),
        "coding": Word(CODINGS, "coding of the input"),
        "readout": Word(READOUTS, "read-out"),
        "exit_lead": Maybe(Whole(0, LEAD_MAX)),
    },
)
LAYER = Table(
    {
        "name": Text(),
        "kind": Text(),
        "inputs": Whole(1, WIDTH_MAX),
        "outputs": Whole(1, WIDTH_MAX),
        "activation": Word(ACTIVATIONS, "activation"),
        "options": Table(),
        "store": Maybe(Text()),
        "arrays": Several(Text(), 0, 64),
    }
)
STAGE = Table({"kind": Text(), "options": Table(), "arrays": Several(Text(), 0, 16)})
HEADER = Table(
    {
        "schema": Whole(1, 1),
        "stage": Word(STAGES, "stage"),
        "input": INPUT,
        "classes": Several(Text(empty=True), 1, 2**16),
        "provenance": Table(),
        "layers": Tables(LAYER, 1, 4096),
    },
    {"spiking": SPIKING, "front": Tables(STAGE, 1, 16)},
)


def is_clean(text: str) -> bool:
    """Whether a text holds no control character (C0, DEL, C1) and no half of a surrogate pair."""
    return not any(c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff" for c in text)


def check_classes(names: tuple[str, ...], where: str) -> None:
    """InputError unless the class names are texts that a file, a table and C code can hold, no two of them the same."""
    if bad := [name for name in names if not is_clean(name) or len(name) > TEXT_MAX]:
        raise InputError(f"{where}: the class name {shown(bad[0])} holds control characters, or more than {TEXT_MAX}. Rename the class.")
    if len(set(names)) != len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise InputError(f"{where}: the class names are not all different: {shown(twice)} stands there twice. Rename one.")


def check_width(shape: tuple[int, ...], where: str) -> None:
    """InputError unless a sample of that shape is small enough to be a network's input."""
    if math.prod(shape) > WIDTH_MAX:
        raise InputError(f"{where}: a sample of shape {shape} has {math.prod(shape):,} values; allowed: at most {WIDTH_MAX:,}.")
