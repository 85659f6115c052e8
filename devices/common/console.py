"""What the four commands share: running a typer application with our exit codes, tables for people, JSON for machines, progress.

Tables and JSON go to standard output, progress and errors to standard error. NO_COLOR is honoured (by rich). Progress shows only on a
terminal. Whatever is printed goes through here, and all of it is literal: no markup in it is obeyed, no control character reaches the terminal
(text.py), a character that the output cannot encode is written as its escape.
"""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from devices.common.interrupts import INTERRUPTED, Interruption, heard
from devices.common.text import plain, warn
from devices.errors import NearwireError

JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]
# Typer up to 0.15 imports click, later ones carry a copy of it; the class is reached through typer, so either works.
UsageProblem: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
EXTRA_OF = {
    "torch": "train",
    "torchvision": "train",
    "sklearn": "train",
    "onnx": "compile",
    "flatbuffers": "compile",
    "jinja2": "compile",
    "emlearn": "bench",
}


def run_app(app: typer.Typer, argv: Sequence[str] | None, name: str) -> NoReturn:
    """Run a command and exit: 0 done, 1 failed, 2 wrong usage or input, 3 check not met, 130 interrupted, 143 ended by SIGTERM."""
    run_command(lambda: app(args=None if argv is None else list(argv), prog_name=name, standalone_mode=False), name)


def run_command(call: Callable[[], Any], name: str) -> NoReturn:
    """Call and exit with what it returns, 0 for None, or with an error's code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interruption = Interruption()
    try:
        with heard() as interruption:
            code = call()
        if code == INTERRUPTED:  # how newer versions of typer say it
            raise KeyboardInterrupt
    except NearwireError as error:
        code = _fail(str(error), interruption.status if error.exit_code == INTERRUPTED else error.exit_code)
    except UsageProblem as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            code = error.exit_code
        else:
            context = getattr(error, "ctx", None)
            asked = name if context is None else context.command_path
            message = error.format_message()
            code = _fail(f"{message}{'' if message.endswith(('.', '?', '!')) else '.'} See '{asked} --help'.", 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted.", interruption.status)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        code = _fail(f"this command needs the package '{package}', which is not installed. Run: pip install 'nearwire[{EXTRA_OF[package]}]'", 1)
    except OSError as error:
        code = _fail(_system_error(error), 2 if isinstance(error, NotADirectoryError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> int:
    sys.stdout.flush()
    warn(f"error: {message}")
    return code


def _system_error(error: OSError) -> str:
    where = f"'{error.filename}'" if error.filename else "the output"
    if error.errno == errno.EFBIG:
        return f"{where} would be larger than a file may be here (see 'ulimit -f'); nothing half-written was kept."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left on the disk while writing {where}. Free some space or choose another folder; nothing half-written was kept."
    if error.errno == errno.ENOTDIR:
        return f"{where} cannot be made: a part of the path is a file, not a folder. Choose another place."
    return f"{error.strerror or error} ({where})."


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=1, allow_nan=False))


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on standard output; columns of numbers are right-aligned. Without a terminal it is as wide as it needs to be."""
    table = Table(title=literal(title), title_justify="left", title_style="bold")
    for index, name in enumerate(header):
        numeric = all(_is_number(row[index]) for row in rows)
        table.add_column(literal(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(literal, row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, table.__rich_measure__(console, console.options.update(max_width=1000)).maximum)
    console.print(table)


def literal(text: object) -> Text:
    """Text from data, as it is, for rich."""
    return Text(plain(text))


def _is_number(cell: Any) -> bool:
    text = str(cell).rstrip("%x").replace(",", "")
    return text in ("", "-") or text.lstrip("+-").replace(".", "", 1).isdigit()


@contextmanager
def spinner(text: str, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A line that says what is being done, on a terminal only; yields a function that changes what it says."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status(literal(text)) as shown:
        yield lambda now: shown.update(literal(f"{text}: {now}"))
