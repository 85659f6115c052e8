"""nearwire train: fit networks, list the zoo, look at data sets, run the paper's experiments."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from devices.common.console import run_app
from devices.common.options import options_of, with_options
from train.commands.curves import curves
from train.commands.data import show_data
from train.commands.fit import fit
from train.commands.options import options
from train.commands.paper import PaperOptions, paper
from train.commands.zoo import zoo

app = typer.Typer(help="Learn networks: lists of positions.", no_args_is_help=True, add_completion=False)

app.command(name="paper")(with_options(paper, options_of(PaperOptions)))
app.command(name="fit")(with_options(fit, options()))
app.command(name="zoo")(zoo)
app.command(name="curves")(curves)
app.command(name="data")(show_data)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    run_app(app, argv, "nearwire train")
