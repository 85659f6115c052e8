"""nearwire bench: the measurements of bench/, a file each. Without a name they are listed, with the first line of their docstrings."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import bench
from devices.common.console import print_json, print_table, run_app, run_command
from devices.errors import NearwireError, unknown_name
from nearwire.names import NAMES

FOLDER = Path(bench.__file__).parent
COMMAND = re.compile(r"[:.]? (nearwire bench |python -m bench\b|python bench/).*$")  # at the end of a first line

app = typer.Typer(add_completion=False)


@app.command()
def show(json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False) -> None:
    """List the measurements; 'nearwire bench NAME ...' runs one, 'nearwire bench NAME --help' tells its options."""
    rows = measurements()
    if json:
        print_json([{"name": name, "measures": text} for name, text in rows.items()])
    else:
        print_table("measurements", ["name", "measures"], list(rows.items()))


def measurements() -> dict[str, str]:
    """Every file of bench/ that is a command, or folder with a ``__main__.py``, and the first line of its docstring."""
    files = {path.stem: path for path in FOLDER.glob("*.py")} | {path.parent.name: path for path in FOLDER.glob("*/__main__.py")}
    trees = {name: ast.parse(files[name].read_text("utf-8")) for name in sorted(files)}
    commands = {name: tree for name, tree in trees.items() if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body)}
    return {name: COMMAND.sub("", (ast.get_docstring(tree) or "").partition("\n")[0]).rstrip(".:") for name, tree in commands.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """List the measurements, or run the one that the first word names, and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0].startswith("-"):
        run_app(app, words, "nearwire bench")
    run_command(lambda: _run(words[0], words[1:]), f"nearwire bench {words[0]}")


def _run(name: str, words: Sequence[str]) -> None:
    if name not in measurements():
        raise unknown_name("measurement", name, measurements())
    sys.argv = [f"nearwire bench {name}", *words]  # what its parser reads
    try:
        runpy.run_module(f"bench.{name}", run_name="__main__")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in NAMES:
            raise
        raise NearwireError(
            f"'nearwire bench {name}' needs the package '{error.name}', which is not installed. Run: pip install 'nearwire[bench]'"
        ) from error
