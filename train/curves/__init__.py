"""The curves of a training run: ``curves.html`` and ``curves.svg`` in its folder, from what the run wrote while it trained.

Loss, accuracy and rate epoch by epoch; with ``fit --frames N`` also how the positions moved (``motion``). Nothing is computed again, and
the same run gives the same bytes: seconds are left out. An unfinished run can be drawn too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devices.common.files import write_text
from devices.errors import InputError
from runtime.report.charts import Axis, Chart, Point, Series, chart
from runtime.report.page import picture, render
from runtime.report.words import short
from train.config.files import make_config, read_toml, to_toml
from train.curves.motion import motion_data, read_frames
from train.loop.run_folder import RunFolder, read_rows

HERE = Path(__file__).parent
HTML, SVG = "curves.html", "curves.svg"
MOST_MARKS = 60  # epochs, up to which each has a marker
RESULTS = ("data", "recipe", "seed", "epochs", "parameters", "float_validation_accuracy", "validation_accuracy", "test_accuracy")


def write_curves(folder: RunFolder) -> list[Path]:
    """Write both files; returns them. InputError if the folder is no run of ours or has no finished epoch."""
    if not folder.is_ours():
        raise InputError(f"'{folder.path}' is not a training run: it has no config.toml of ours. Give a folder of 'nearwire train fit'.")
    rows, _ = read_rows(folder.metrics)
    if not rows:
        raise InputError(f"'{folder.metrics}' has no finished epoch yet. Wait for the first, or train again.")
    config = make_config(read_toml(folder.config), f"'{folder.config}'")
    frames = read_frames(folder)
    motion = motion_data(frames, {int(row["epoch"]): row["validation_accuracy"] for row in rows}) if len(frames) > 1 else None
    result = json.loads(folder.result.read_text("utf-8")) if folder.result.is_file() else {}
    drawn = charts(rows)
    context = {
        "title": f"training of {short(config.recipe or folder.path.resolve().name, 60)}",
        "sections": [("curves", "Curves"), ("motion", "Motion"), ("settings", "Settings")],
        "charts": drawn,
        "epochs": len(rows),
        "finished": folder.network.is_file(),
        "measured": any(row["validation_accuracy"] is not None for row in rows),
        "results": [(name.replace("_", " "), result[name]) for name in RESULTS if result.get(name) is not None],
        "motion": motion,
        "settings": to_toml(config),
    }
    assets = HERE / "assets"
    scripts = [assets / "motion.js"] if motion else []
    page = render(HERE / "templates" / "curves.html.jinja", context, {"motion": motion}, [assets / "motion.css"], scripts)
    files = {folder.path / HTML: page}
    first = drawn["accuracy"] or drawn["loss"]
    if first is not None:
        files[folder.path / SVG] = picture(first)
    for path, text in files.items():
        write_text(path, text)
    return [*files]


def charts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Chart | None]:
    """Accuracy, loss and rate against the epoch, a series a phase; None where nothing was measured."""
    axis = Axis("epoch")
    return {
        "accuracy": chart(
            "Validation accuracy", "After every epoch.", _series(rows, "validation_accuracy", ".4f"), axis, Axis("validation accuracy", "%")
        ),
        "loss": chart(
            "Loss", "Mean of every epoch, with the augmentation in it.", _series(rows, "loss", ".4f"), axis, Axis("loss", log=True, form="g")
        ),
        "rate": chart("Learning rate", "At the end of every epoch.", _series(rows, "rate", ".2e"), axis, Axis("rate", ".1g")),
    }


def _series(rows: Sequence[Mapping[str, Any]], name: str, form: str) -> list[Series]:
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    series = []
    for phase in phases:
        part = [row for row in rows if row["phase"] == phase and row[name] is not None]
        points = tuple(Point(float(row["epoch"]), float(row[name]), f"epoch {row['epoch']}: {row[name]:{form}}") for row in part)
        series.append(Series(f"{phase} phase", points, markers=len(rows) <= MOST_MARKS or len(points) == 1))
    return series
