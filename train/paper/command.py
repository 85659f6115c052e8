"""python -m train paper EXPERIMENT: run one experiment of the paper, or all, and print it beside the paper's figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from devices.common.console import print_json
from devices.errors import InputError, unknown_name

if TYPE_CHECKING:
    from train.loop.fit import Report

NAMES = ("table1", "table2", "table3", "fig3a", "fig3b", "fig4", "fig5", "fig6")
DEFAULT_OUT = Path("runs/paper")


def paper(
    experiment: Annotated[str, typer.Argument(help=f"{', '.join(NAMES)} or all.")],
    epochs: Annotated[int | None, typer.Option(help="Epochs of each run, up to the paper's.", show_default="the paper's: 300, spiking 200")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each model, with seeds 0, 1, ...")] = 3,
    models: Annotated[str | None, typer.Option(help="Only these, with commas: mlp-3d,mlp-14.", show_default="all of the experiment")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so long, with the epoch then running; repeat the command to go on.", show_default="none")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="Of matrix products: float32, tf32 (GPU), or bf16 for layers of 64 outputs or more.")] = "float32",
    out: Annotated[Path, typer.Option(help="Folder of runs, records, tables and figures.")] = DEFAULT_OUT,
    digit: Annotated[int, typer.Option(help="Whose average image fig6 shows to the network.")] = 3,
    shipped: Annotated[bool, typer.Option("--shipped", help="Train nothing: show the records that come with the package.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable results.")] = False,
) -> None:
    """Run an experiment of Erb et al. (arXiv 2506.13410) by the paper's protocol. Finished runs are kept, broken ones go on."""
    if experiment not in (*NAMES, "all"):
        raise unknown_name("experiment of the paper", experiment, [*NAMES, "all"])
    for name, value in (("--epochs", epochs), ("--seeds", seeds), ("--minutes", minutes)):
        if value is not None and value <= 0:
            raise InputError(f"{name} is {value}. Allowed: more than 0.")
    if not 0 <= digit <= 9:
        raise InputError(f"--digit is {digit}. Allowed: 0 to 9.")
    if precision not in ("float32", "tf32", "bf16"):
        raise unknown_name("precision", precision, ["float32", "tf32", "bf16"])
    from train.loop.fit import pick_device
    from train.loop.parallel import started_by_torchrun
    from train.paper.experiments import EXPERIMENTS, USUAL
    from train.paper.run import Limits
    from train.paper.runs import Runs

    pick_device(device)
    if started_by_torchrun() > 1:
        raise InputError("the paper's experiments run in one process. Start them without torchrun; 'train fit' shares a run among processes.")

    limits = Limits(epochs, None if minutes is None else time.monotonic() + 60 * minutes)
    only = None if models is None else _models(models)
    runs = Runs(out, seeds, limits, device, precision, shipped, only, _bar(json), digit)
    results: dict[str, Any] = {}
    names = list(NAMES) if experiment == "all" else [experiment]
    if shipped and experiment == "all":
        names = [name for name in names if name not in ("fig4", "fig6")]  # those need a network, not a record
    if only is not None and experiment == "all":
        names = [name for name in names if set(only) & set(USUAL[name])]
    for name in names:
        of_this = runs if only is None or experiment != "all" else replace(runs, only=tuple(model for model in only if model in USUAL[name]))
        shown = EXPERIMENTS[name](of_this)
        if not shipped:
            shown.write(out / "tables", name)
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
        from train.loop.progress import epoch_bar

        with epoch_bar(epochs, quiet, title) as report:
            yield report

    return bar
