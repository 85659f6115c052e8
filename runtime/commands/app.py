"""nearwire runtime: run, bench, profile and compare builds, and bring them to boards."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from devices.common.console import run_app
from runtime.commands.bench import bench, plain_flags
from runtime.commands.boards import flash, serve
from runtime.commands.profile import profile
from runtime.commands.report import report
from runtime.commands.run import run

app = typer.Typer(help="Run, benchmark and profile builds of 'nearwire compile'.", no_args_is_help=True, add_completion=False)

for command in (run, bench, profile, report, flash, serve):
    app.command()(command)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, plain_flags(sys.argv[1:] if argv is None else argv), "nearwire runtime")
