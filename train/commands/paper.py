"""nearwire train paper EXPERIMENT: run one experiment of the paper, or all, and print it beside the paper's figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from devices.common.console import JsonOption, print_json
from devices.errors import InputError, unknown_name
from train.config.tables import Table
from train.loop.progress import epoch_bar

if TYPE_CHECKING:
    from train.loop.fit import Report

NAMES = ("table1", "table2", "table3", "fig3a", "fig3b", "fig4", "fig5", "fig6")
DEFAULT_OUT = Path("runs/paper")


class PaperOptions(Table):
    """How an experiment is run."""

    epochs: int | None = None
    """Epochs of each run, up to the paper's. Default: the paper's, 300, spiking 200."""
    seeds: int = 3
    """Runs of each model, with seeds 0, 1, ..."""
    models: str | None = None
    """Only these, with commas: mlp-3d,mlp-14. Default: all of the experiment."""
    minutes: float | None = None
    """Stop after so long, with the epoch then running; repeat the command to go on."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: str = "float32"
    """Of matrix products: float32, tf32 (GPU), or bf16 for layers of 64 outputs or more."""
    out: Path = DEFAULT_OUT
    """Folder of runs, records, tables and figures."""
    digit: int = 3
    """Whose average image fig6 shows to the network."""
    shipped: bool = False
    """Train nothing: show the records that come with the package."""

    def check(self) -> None:
        """InputError for what is not allowed."""
        for name, value in (("--epochs", self.epochs), ("--seeds", self.seeds), ("--minutes", self.minutes)):
            if value is not None and value <= 0:
                raise InputError(f"{name} is {value}. Allowed: more than 0.")
        if not 0 <= self.digit <= 9:
            raise InputError(f"--digit is {self.digit}. Allowed: 0 to 9.")
        if self.precision not in ("float32", "tf32", "bf16"):
            raise unknown_name("precision", self.precision, ["float32", "tf32", "bf16"])


def paper(experiment: Annotated[str, typer.Argument(help=f"{', '.join(NAMES)} or all.")], json: JsonOption = False, **words: Any) -> None:
    """Run an experiment of Erb et al. (arXiv 2506.13410) by the paper's protocol. Finished runs are kept, broken ones go on."""
    if experiment not in (*NAMES, "all"):
        raise unknown_name("experiment of the paper", experiment, [*NAMES, "all"])
    options = PaperOptions(**words)
    options.check()
    from train.loop.fit import pick_device
    from train.loop.parallel import started_by_torchrun
    from train.paper.experiments import EXPERIMENTS, USUAL
    from train.paper.run import Limits
    from train.paper.runs import Runs

    pick_device(options.device)
    if started_by_torchrun() > 1:
        raise InputError("the paper's experiments run in one process. Start them without torchrun; 'train fit' shares a run among processes.")

    limits = Limits(options.epochs, None if options.minutes is None else time.monotonic() + 60 * options.minutes)
    only = None if options.models is None else _models(options.models)
    runs = Runs(
        options.out,
        options.seeds,
        limits,
        options.device,
        options.precision,
        options.shipped,
        only,
        _bar(json),
        options.digit,
    )
    results: dict[str, Any] = {}
    names = list(NAMES) if experiment == "all" else [experiment]
    if options.shipped and experiment == "all":
        names = [name for name in names if name not in ("fig4", "fig6")]  # those need a network, not a record
    if only is not None and experiment == "all":
        names = [name for name in names if set(only) & set(USUAL[name])]
    for name in names:
        of_this = runs if only is None or experiment != "all" else replace(runs, only=tuple(model for model in only if model in USUAL[name]))
        shown = EXPERIMENTS[name](of_this)
        if not options.shipped:
            shown.write(options.out / "tables", name)
        results[name] = shown.to_dict()
        if not json:
            shown.print()
    if json:
        print_json(results)


def _models(text: str) -> tuple[str, ...]:
    """The names of --models; InputError for one that is no model's, and for none."""
    from train.paper.models import model_named

    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise InputError(f"--models is '{text}', which names none. Give names with commas, as mlp-3d,mlp-14, or leave it out for all.")
    return tuple(model_named(name).name for name in names)


def _bar(quiet: bool) -> Any:
    @contextmanager
    def bar(title: str, epochs: int) -> Iterator[Report]:
        with epoch_bar(epochs, quiet, title) as report:
            yield report

    return bar
