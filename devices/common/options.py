"""Options of a command from settings: a settings class has a description, a type and a default for every field, and an option says the same.

Rule: the option of a field is called as the field is, with dashes; its help is the field's description, but what that says after '; see' is for
readers of the code; its metavar lists what a Literal allows.
A tuple's option may be repeated and takes commas. ``with_options`` gives a function that takes them by keyword the signature typer reads.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Option:
    """One option of a command."""

    name: str  # of the function's parameter
    kind: Any  # its type, for typer
    help: str
    flags: tuple[str, ...]
    default: Any = None
    metavar: str | None = None
    panel: str | None = None  # the heading it is listed under

    def parameter(self) -> inspect.Parameter:
        """The parameter that typer makes this option of."""
        shown = self.default is not None and self.default is not False
        what = typer.Option(*self.flags, help=self.help, metavar=self.metavar, rich_help_panel=self.panel, show_default=shown)
        kind = self.kind if self.default is not None else self.kind | None
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=self.default, annotation=Annotated[kind, what])


def fields_of(settings: type) -> Mapping[str, FieldInfo]:
    """The fields of a settings class, a pydantic model or dataclass."""
    fields: Mapping[str, FieldInfo] = getattr(settings, "model_fields", None) or settings.__pydantic_fields__  # type: ignore[attr-defined]
    return fields


def help_of(field: FieldInfo) -> str:
    """A field's description, for those who do not have the code before them."""
    text = (field.description or "").partition("; see ")[0]
    return text if text.endswith(".") else f"{text}."


def option_of(settings: type, field: str, panel: str | None = None, prefix: str = "", flags: tuple[str, ...] = (), unset: bool = False) -> Option:
    """The option of a field. ``prefix``: before its name; ``flags``: other names; ``unset``: None where it is not given, whatever the field's default."""
    info = fields_of(settings)[field]
    kind, metavar = _plain(info.annotation)
    name = prefix + field
    default = None if unset or info.is_required() else info.default
    flag = f"--{name.replace('_', '-')}"
    usual = (f"{flag}/--no-{name.replace('_', '-')}",) if kind is bool and default is not False else (flag,)
    if isinstance(default, tuple):
        default = None
    return Option(name, kind, help_of(info), flags or usual, default, metavar, panel)


def options_of(settings: type, panel: str | None = None, names: Iterable[str] | None = None) -> list[Option]:
    """The options of all fields, or of those named."""
    return [option_of(settings, field, panel) for field in names or fields_of(settings)]


def with_options(function: Callable[..., None], options: Iterable[Option]) -> Callable[..., None]:
    """``function`` with the options behind its own parameters; it takes their values by keyword."""
    own = [p for p in inspect.signature(function, eval_str=True).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]

    @functools.wraps(function)
    def command(**words: Any) -> None:
        function(**words)

    command.__signature__ = inspect.Signature([*own, *(option.parameter() for option in options)])  # type: ignore[attr-defined]
    command.__annotations__ = {}
    return command


def commas(words: Iterable[str]) -> list[str]:
    """The parts of a repeated option whose words may have commas: ['256,128', '64'] is ['256', '128', '64']."""
    return [part.strip() for word in words for part in word.split(",") if part.strip()]


def _plain(annotation: Any) -> tuple[Any, str | None]:
    """The type of an option for values of a field's type, and its metavar where that says more than the type."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(parts[0])
    if origin in (Union, types.UnionType):
        return _plain(next(part for part in parts if part is not type(None)))
    if origin is Literal:
        return type(parts[0]), "|".join(map(str, parts))
    if origin is tuple:
        return list[str], f"{_plain(parts[0])[1] or ('NAME' if _plain(parts[0])[0] is str else 'N')},..."
    if annotation in (bool, int, float, str, Path):
        return annotation, None
    raise TypeError(f"a field of type {annotation} has no option")
