"""nearwire compile: make a verified build of a trained network. Without arguments it compiles a small network of the zoo.

``nearwire compile nir ...`` writes a spiking network as NIR (nir.py).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from compile.commands.compile import compile as compile_command
from compile.commands.compile import options
from compile.commands.nir import app as nir_app
from devices.common.console import run_app
from devices.common.options import with_options

app = typer.Typer(
    help="Freeze, prune, quantise and store a network; write ONNX, TFLite and C; prove that they agree. 'nir ...': write a spiking network as NIR.",
    add_completion=False,
)
app.command(name="compile")(with_options(compile_command, options()))


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["nir"]:
        run_app(nir_app, words[1:], "nearwire compile nir")
    run_app(app, words, "nearwire compile")
