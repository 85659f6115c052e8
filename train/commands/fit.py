"""nearwire train fit: settings from a recipe, a file and options, then a run in a folder, or one that goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devices.common.console import JsonOption, print_json, print_table
from devices.common.text import say, warn
from devices.errors import InputError
from runtime.data.dataset import load_dataset
from train.commands.options import RunOptions, given_settings
from train.commands.settings import settings_of
from train.config import TrainConfig
from train.loop.progress import epoch_bar

if TYPE_CHECKING:
    from runtime.network.network import Network
    from train.loop.fit import Report

DEFAULT_OUT = Path("runs")
GO_ON = ("out", "resume", "device")  # options that --resume takes


def fit(json: JsonOption = False, **words: Any) -> None:
    """Train a network. Options override the recipe or file; with neither, the recipe DATA-MODEL is taken if there is one (digits-spatial),
    with --spiking DATA-snn."""
    run = RunOptions(**{name: words[name] for name in RunOptions.model_fields})
    given = given_settings(words)
    if run.resume:
        folder, settings = _resumed(run, words)
        start = _started(settings)[1]
    else:
        settings, start = _started(settings_of(given, run.recipe, run.config))
        folder = run.out or DEFAULT_OUT / (settings.recipe or _name(settings))
    _fit(run, folder, settings, start, json)


def _name(settings: TrainConfig) -> str:
    """What a run without a recipe is called."""
    name = settings.layers[0].kind if settings.layers else settings.model
    name += "-snn" if settings.spiking else ""
    name += "-tuned" if settings.init else ""
    return f"{Path(settings.data).stem}-{name}"


def _resumed(run: RunOptions, words: Mapping[str, Any]) -> tuple[Path, TrainConfig]:
    """The folder and settings of the run in --out; InputError where options say anything else about it."""
    from train.loop.run_folder import RunFolder

    if run.out is None:
        raise InputError("--resume needs --out: the folder of the run to go on with.")
    other = [name for name, value in words.items() if value is not None and value is not False and name not in GO_ON]
    if other:
        raise InputError(f"--resume goes on with the settings of the run; {', '.join(_flag(name) for name in other)} cannot be given.")
    return run.out, RunFolder(run.out).read_config()


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _started(settings: TrainConfig) -> tuple[TrainConfig, Network | None]:
    if settings.init is None:
        return settings, None
    from train.loop.start import started

    return started(settings)


def _fit(run: RunOptions, out: Path, settings: TrainConfig, start: Network | None, json: bool) -> None:
    """Train in the folder ``out``, draw its curves, print what came of it. What can be refused without torch comes before it is loaded."""
    from train.loop.parallel import is_first
    from train.loop.run_folder import RunFolder

    first = is_first()
    folder = RunFolder(out)
    if not run.resume and first:
        folder.check_free(run.force)
        folder.check_keeps(settings.init)
    dataset = load_dataset(settings.data, start)
    if first:
        for note in dataset.notes:
            warn(f"note: {note}")
    if "batch" not in settings.model_fields_set and settings.batch > len(dataset.train):
        settings = settings.model_copy(update={"batch": len(dataset.train)})
    from train.loop.fit import fit as run_fit
    from train.loop.phases import total_epochs

    with epoch_bar(total_epochs(settings), quiet=json or not first) as report:
        result = run_fit(settings, dataset, folder, run.device, start, run.resume, _with_warnings(report))
    if not first:
        return
    from train.curves import write_curves

    written = write_curves(folder)
    _print({**result.to_dict(), "network": str(folder.network), "curves": str(written[0])}, json)


def _print(summary: dict[str, Any], json: bool) -> None:
    if json:
        print_json(summary)
        return
    floating = ("float_validation_accuracy",) if "float_validation_accuracy" in summary else ()
    names = ("data", "parameters", "epochs", "seconds", *floating, "validation_accuracy", "test_accuracy", "network")
    cells = [[_cell(name, summary[name]) for name in names]]
    print_table("trained", [name.replace("_", " ") for name in names], cells)
    say(f"curves: {summary['curves']}")


def _with_warnings(report: Report) -> Report:
    """``report`` that also prints what a row warns of, each text once, to standard error."""
    seen: set[str] = set()

    def report_row(row: dict[str, Any]) -> None:
        text = row.get("warning")
        if text and text not in seen:
            seen.add(text)
            warn(f"warning: epoch {row['epoch']}: {text}")
        report(row)

    return report_row


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name.endswith("accuracy") else f"{value:.1f}" if name == "seconds" else str(value)
