"""The experiments by name: each takes ``Runs``, trains what is missing, and returns what is shown.

To add one: a function here and a line in ``EXPERIMENTS``; its name in train/commands/paper.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from devices.errors import InputError
from train.paper import drawing
from train.paper.figures import Curve, Figure, Point
from train.paper.models import DIMENSIONS, MODELS, TABLES, Model
from train.paper.pruning import SHARES, pruned_accuracies
from train.paper.records import Record
from train.paper.runs import Runs
from train.paper.tables import Row, Table

CROSSINGS = (("mlp-14", "from 80 %"), ("mlp-14-normal", "from 80 %"), ("mlp-2048", "at 95 %"), ("mlp-2048-normal", "at 95 %"))
TRAINED_SHARES = (0, 20, 40, 60, 80, 90, 95)  # percent


class Shown(Protocol):
    """What an experiment returns."""

    def to_dict(self) -> dict[str, Any]: ...
    def print(self) -> None: ...
    def write(self, folder: Path, name: str) -> None: ...


def table(name: str, title: str) -> Callable[[Runs], Table]:
    def run(runs: Runs) -> Table:
        return Table(title, [Row(model, runs.of(model)) for model in runs.chosen(TABLES[name])])

    return run


def fig3a(runs: Runs) -> Figure:
    """Accuracy over the share of weights that is cut from the trained networks at once; train/paper/pruning.py has the two readings."""
    curves: list[Curve] = []
    for model in _chosen(runs, "fig3a"):
        records = runs.of(model)
        curves.append(_cut(runs, model, records, by_weight=False))
        if model.settings["model"] == "spatial":
            second = _cut(runs, replace(model, title=f"{model.title}, by weight"), curves[-1].found or records, by_weight=True)
            curves += [second] if second.points else []
    claims = [line for baseline, paper in CROSSINGS for line in _crossing(curves, baseline, paper)]
    return _drawn(runs, Figure("fig3a", "Figure 3a: pruned after training", "weights at zero, %", curves, claims))


def _crossing(curves: list[Curve], baseline: str, paper: str) -> list[str]:
    """From which share on the 3D MLP is ahead of a baseline, beside what the paper says; nothing where too little was run to say."""
    crossings = []
    other = next((curve for curve in curves if curve.model.name == baseline and curve.points), None)
    for curve in curves:
        shared = [point.at for point in curve.points if other is not None and other.at(point.at) is not None]
        if other is not None and len(shared) > 1 and curve.model.name == "mlp-3d":
            at = curve.ahead_of(other)
            where = f"not by {shared[-1]:g} %" if at is None else f"from {at:g} %"
            crossings.append(f"{curve.model.title} ahead of {other.model.title}: {where} (paper: {paper})")
    return crossings


def _cut(runs: Runs, model: Model, records: list[Record], by_weight: bool) -> Curve:
    """The curve of a model's records. What they lack is measured and added to them; not so where the shipped ones are shown."""
    if not runs.shipped:
        records = [record if record.pruned(by_weight) else _measured(runs, model, record, by_weight) for record in records]
    there = [record for record in records if record.pruned(by_weight)]
    points = [Point(share, [r.pruned(by_weight)[str(share)] for r in there if str(share) in r.pruned(by_weight)]) for share in SHARES]
    return Curve(model, there, [point for point in points if point.values])


def _measured(runs: Runs, model: Model, record: Record, by_weight: bool) -> Record:
    accuracies = pruned_accuracies(runs.network(record), model.config(record.seed), runs.dataset.test, by_weight)
    record = replace(record, pruned_by_weight=accuracies) if by_weight else replace(record, pruned_after=accuracies)
    record.write(runs.records)
    return record


def fig3b(runs: Runs) -> Figure:
    """Accuracy of networks trained with that share of their weights at zero in every forward pass."""
    curves = []
    for model in _chosen(runs, "fig3b"):
        records, points = [], []
        for share in TRAINED_SHARES:
            at = runs.of(model.pruned(share))
            records += at
            points.append(Point(share, [record.test_accuracy for record in at]))
        curves.append(Curve(model, records, [point for point in points if point.values]))
    claims = _crossing(curves, "mlp-14", "above 60 %")
    spatial = next((curve for curve in curves if curve.model.name == "mlp-3d"), None)
    if spatial is not None and (whole := spatial.at(0)) is not None and (cut := spatial.at(80)) is not None:
        claims.append(f"{spatial.model.title} with 80 % at zero against all weights: {cut - whole:+.4f} (paper: nearly the same)")
    return _drawn(runs, Figure("fig3b", "Figure 3b: pruned during training", "weights at zero, %", curves, claims))


def fig5(runs: Runs) -> Figure:
    """Accuracy over the coordinates a neuron has, and of MLPs with about as many parameters."""
    table = runs.chosen(TABLES["table3"])
    curves = []
    for title, pick in (("spatial, learned gaps", 0), ("MLP of about as many parameters", 1)):
        records, points = [], []
        for k, (d, *_) in enumerate(DIMENSIONS):
            model = TABLES["table3"][2 * k + pick]
            if model in table:
                at = runs.of(model)
                records += at
                points.append(Point(d, [record.test_accuracy for record in at]))
        curves.append(Curve(replace(MODELS["mlp-3d" if pick == 0 else "mlp-14"], title=title), records, [point for point in points if point.values]))
    means = [f"{point.mean:.4f}" for point in curves[0].points]
    claims = [
        f"Spatial models with {', '.join(f'{p.at:g}' for p in curves[0].points)} coordinates: {', '.join(means)} (paper: about 0.92 to 0.96, flat past 16)"
    ]
    return _drawn(runs, Figure("fig5", "Figure 5: coordinates of a neuron", "d", curves, claims if len(means) > 1 else []))


def _drawn(runs: Runs, figure: Figure) -> Figure:
    return replace(figure, files=drawing.curves(figure, runs.figures))


def fig4(runs: Runs) -> drawing.Picture:
    """Where the neurons of the relaxed model are, and how deep its planes reach into each other."""
    record = _first(runs, "fig4")
    return drawing.relaxed(runs.network(record), f"{record.epochs_run} of {record.epochs} epochs", runs.figures)


def fig6(runs: Runs) -> drawing.Picture:
    """The map of neurons, a panel a layer, coloured by their signed activation for a digit's average image."""
    record = _first(runs, "fig6")
    train = runs.dataset.train
    image = train.x[train.y == runs.digit].mean(0)
    return drawing.activity_map(runs.network(record), image, runs.digit, f"{record.epochs_run} of {record.epochs} epochs", runs.figures)


def _chosen(runs: Runs, name: str) -> list[Model]:
    """The models of --models, or the usual ones of that experiment."""
    return runs.chosen(tuple(MODELS[allowed] for allowed in ALLOWED[name]), [MODELS[usual] for usual in USUAL[name]])


def _first(runs: Runs, name: str) -> Record:
    """The record whose network a picture shows: of one model, one seed."""
    models = _chosen(runs, name)
    if len(models) > 1:
        raise InputError(f"{name} shows one network, but --models names {len(models)}: {', '.join(model.name for model in models)}. Give one.")
    records = runs.of(models[0], seeds=1)
    if not records:
        raise InputError(f"there is no record of '{models[0].name}'. Run it without --shipped.")
    return records[0]


SPATIAL = tuple(name for name, model in MODELS.items() if model.settings["model"] == "spatial" and "spiking" not in model.settings)
ALLOWED = {"fig3a": tuple(MODELS), "fig3b": tuple(MODELS), "fig4": ("mlp-3d-relaxed",), "fig6": SPATIAL}
USUAL: dict[str, tuple[str, ...]] = {  # the models of each experiment, where --models does not choose
    **{name: tuple(model.name for model in models) for name, models in TABLES.items()},
    "fig3a": ("mlp-3d", "mlp-14", "mlp-14-normal", "mlp-2048", "mlp-2048-normal"),
    "fig3b": ("mlp-3d", "mlp-14"),
    "fig4": ("mlp-3d-relaxed",),
    "fig5": tuple(model.name for model in TABLES["table3"]),
    "fig6": ("mlp-3d",),
}


EXPERIMENTS: dict[str, Callable[[Runs], Shown]] = {
    "table1": table("table1", "Table 1: test accuracy on MNIST"),
    "table2": table("table2", "Table 2: spiking networks, test accuracy on MNIST"),
    "table3": table("table3", "Table 3: coordinates of a neuron, test accuracy on MNIST"),
    "fig3a": fig3a,
    "fig3b": fig3b,
    "fig4": fig4,
    "fig5": fig5,
    "fig6": fig6,
}
