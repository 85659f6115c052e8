"""The experiments by name: each takes ``Runs``, trains what is missing, and returns what is shown.

To add one: a function here and a line in ``EXPERIMENTS``; its name in train/paper/command.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from devices.errors import InputError
from train.paper import drawing
from train.paper.figures import Curve, Figure, Point
from train.paper.models import DIMENSIONS, MODELS, TABLES, Model
from train.paper.pruning import SHARES, pruned_accuracies
from train.paper.records import Record
from train.paper.runs import Runs
from train.paper.tables import Row, Table

TRAINED_SHARES = (0, 20, 40, 60, 80, 90, 95)  # percent


class Shown(Protocol):
    """What an experiment returns."""

    def to_dict(self) -> dict[str, Any]: ...
    def print(self) -> None: ...


def table(name: str, title: str) -> Callable[[Runs], Table]:
    def run(runs: Runs) -> Table:
        return Table(title, [Row(model, runs.of(model)) for model in runs.chosen(TABLES[name])])

    return run


def fig3a(runs: Runs) -> Figure:
    """Accuracy over the share of weights that is cut from the trained networks at once; train/paper/pruning.py has the two readings."""
    usual = [MODELS[name] for name in ("mlp-3d", "mlp-14", "mlp-2048")]
    curves = []
    for model in runs.chosen(tuple(MODELS.values()), usual):
        found = runs.of(model)
        curves.append(_cut(runs, model, found, by_weight=False))
        if model.settings["model"] == "spatial":
            curves.append(_cut(runs, replace(model, title=f"{model.title}, by weight"), curves[-1].found or found, by_weight=True))
    return _drawn(runs, Figure("fig3a", "Figure 3a: pruned after training", "weights at zero, %", curves))


def _cut(runs: Runs, model: Model, found: list[Record], by_weight: bool) -> Curve:
    """The curve of a model's records. What they lack is measured and added to them; not so where the shipped ones are shown."""
    if not runs.shipped:
        found = [record if record.pruned(by_weight) else _measured(runs, model, record, by_weight) for record in found]
    there = [record for record in found if record.pruned(by_weight)]
    points = [Point(share, [r.pruned(by_weight)[str(share)] for r in there if str(share) in r.pruned(by_weight)]) for share in SHARES]
    return Curve(model, there, [point for point in points if point.values])


def _measured(runs: Runs, model: Model, record: Record, by_weight: bool) -> Record:
    accuracies = pruned_accuracies(runs.network(record), model.config(record.seed), runs.dataset.test, by_weight)
    record = replace(record, pruned_by_weight=accuracies) if by_weight else replace(record, pruned_after=accuracies)
    record.write(runs.records)
    return record


def fig3b(runs: Runs) -> Figure:
    """Accuracy of networks trained with that share of their weights at zero in every forward pass."""
    usual = [MODELS[name] for name in ("mlp-3d", "mlp-14")]
    curves = []
    for model in runs.chosen(tuple(MODELS.values()), usual):
        found, points = [], []
        for share in TRAINED_SHARES:
            at = runs.of(model.pruned(share))
            found += at
            points.append(Point(share, [record.test_accuracy for record in at]))
        curves.append(Curve(model, found, [point for point in points if point.values]))
    return _drawn(runs, Figure("fig3b", "Figure 3b: pruned during training", "weights at zero, %", curves))


def fig5(runs: Runs) -> Figure:
    """Accuracy over the coordinates a neuron has, and of MLPs with about as many parameters."""
    table = runs.chosen(TABLES["table3"])
    curves = []
    for title, pick in (("spatial, learned gaps", 0), ("MLP of about as many parameters", 1)):
        found, points = [], []
        for k, (d, *_) in enumerate(DIMENSIONS):
            model = TABLES["table3"][2 * k + pick]
            if model in table:
                at = runs.of(model)
                found += at
                points.append(Point(d, [record.test_accuracy for record in at]))
        curves.append(Curve(replace(MODELS["mlp-3d" if pick == 0 else "mlp-14"], title=title), found, [point for point in points if point.values]))
    return _drawn(runs, Figure("fig5", "Figure 5: coordinates of a neuron", "d", curves))


def _drawn(runs: Runs, figure: Figure) -> Figure:
    return replace(figure, files=drawing.curves(figure, runs.figures))


def fig4(runs: Runs) -> drawing.Picture:
    """Where the neurons of the relaxed model are, and how deep its planes reach into each other."""
    model = MODELS["mlp-3d-relaxed"]
    record = _first(runs, model)
    return drawing.relaxed(runs.network(record), f"{record.epochs_run} of {record.epochs} epochs", runs.figures)


def fig6(runs: Runs) -> drawing.Picture:
    """The map of neurons, a panel a layer, coloured by their signed activation for a digit's average image."""
    record = _first(runs, runs.chosen(tuple(MODELS.values()), [MODELS["mlp-3d"]])[0])
    train = runs.dataset.train
    image = train.x[train.y == runs.digit].mean(0)
    return drawing.activity_map(runs.network(record), image, runs.digit, f"{record.epochs_run} of {record.epochs} epochs", runs.figures)


def _first(runs: Runs, model: Model) -> Record:
    found = runs.of(model, seeds=1)
    if not found:
        raise InputError(f"there is no record of '{model.name}'. Run it without --shipped.")
    return found[0]


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
