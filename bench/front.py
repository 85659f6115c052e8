"""The front as plots: accuracy against constants and against instructions, a figure for each data set of several networks, in docs/:
nearwire bench front

The points are the rows of bench/records/zoo.json, which 'nearwire bench table --write' measures. The same points give the same bytes. Accuracies are
those of the integer networks on the whole test set; the vertical axis is the share of errors in logarithmic steps, so that the last half per cent
is as visible as the first.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.support.figures import save
from bench.support.records import digest
from bench.table import Row, recorded
from devices.errors import NearwireError

FOLDER = Path("docs")
OURS, PUBLISHED = "nearwire", "BitNetMCU (published; its C on the same emulated core)"
AXES = {"constants_bytes": "constants, bytes", "instructions": "instructions of one inference, emulated Cortex-M4"}
TITLES = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST", "mnist1d": "MNIST-1D", "digits": "scikit-learn's digits"}
COLOURS = {OURS: "#0b63a5", PUBLISHED: "#b3420e"}
MARKERS = {OURS: "o", PUBLISHED: "s"}
TICKS = (0.5, 0.7, 0.8, 0.85, 0.9, 0.92, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999)
FINE_TICKS = tuple(k / 200 for k in range(100, 200))  # where few of the others are in sight
SIDES = list(itertools.product((0, 9, -9), ("left", "right", "center")))  # where a label may stand: points up, alignment


@dataclass(frozen=True)
class Point:
    """One network."""

    network: str
    data: str
    accuracy: float  # of the integer network, whole test set
    constants_bytes: int
    instructions: int
    group: str = OURS


# BitNetMCU's published networks for MNIST, its own C code compiled by gcc -O3, all 10,000 images and exact counts on the same emulated core. Its
# resizing of the image to 16 x 16 is not counted.
BITNETMCU = tuple(
    Point(name, "mnist", accuracy, constants, instructions, PUBLISHED)
    for name, constants, instructions, accuracy in (
        ("1k 2-bit", 1128, 37_916, 0.9421),
        ("12k 4-bit", 12_608, 207_974, 0.9902),
        ("cnn_16small", 3232, 263_199, 0.9890),
        ("cnn_16", 5360, 297_941, 0.9901),
        ("cnn_32", 7328, 552_210, 0.9927),
        ("cnn_48", 9296, 809_015, 0.9943),
        ("cnn_64", 11_264, 1_064_926, 0.9954),
    )
)


def points_of(rows: Sequence[Row]) -> list[Point]:
    """Our points, by name."""
    points = [Point(row.network, row.data, row.accuracy, row.constants_bytes, row.instructions) for row in rows]
    return sorted(points, key=lambda point: point.network)


def figures(points: Sequence[Point]) -> dict[str, list[Point]]:
    """What each file shows, by its name in docs/: all points of a data set, if it is several of ours, with those that others published for it."""
    several = [data for data, count in Counter(point.data for point in points).items() if count > 1]
    return {f"front-{data}": [point for point in (*points, *BITNETMCU) if point.data == data] for data in several}


def source(points: Sequence[Point]) -> str:
    """What a file carries to say which points it shows."""
    return digest([asdict(point) for point in points])


def on_front(points: Sequence[Point], cost: str) -> list[Point]:
    """Those that no other point beats in accuracy at the same or a lower cost; cheapest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (getattr(p, cost), -p.accuracy)):
        if not front or point.accuracy > front[-1].accuracy:
            front.append(point)
    return front


def draw(title: str, points: Sequence[Point]) -> Any:
    """A figure of two panels, one for each cost."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    figure = Figure(figsize=(11, 5.4), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)  # which knows how large a text is
    figure.suptitle(title, fontsize=14)
    panels = figure.subplots(1, len(AXES), sharey=True)
    for panel, (cost, label) in zip(panels, AXES.items(), strict=True):
        for group in dict.fromkeys(point.group for point in points):
            chosen = [point for point in points if point.group == group]
            x, y = [getattr(p, cost) for p in chosen], [1 - p.accuracy for p in chosen]
            panel.scatter(x, y, s=42, color=COLOURS[group], marker=MARKERS[group], label=group, zorder=3)
            front = on_front(chosen, cost)
            panel.plot([getattr(p, cost) for p in front], [1 - p.accuracy for p in front], color=COLOURS[group], linewidth=1, alpha=0.45, zorder=2)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel(label)
        panel.xaxis.set_major_formatter(FuncFormatter(_short))
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_minor_locator(LogLocator(subs=()))
        panel.margins(x=0.16, y=0.12)
        panel.grid(True, color="#dddddd", linewidth=0.6)
    _accuracy_axis(panels[0], [1 - point.accuracy for point in points])
    panels[0].set_ylabel("test accuracy, integer network")
    if len({point.group for point in points}) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=10)
    figure.draw_without_rendering()
    for panel, cost in zip(panels, AXES, strict=True):
        _label(figure, panel, points, cost)
    return figure


def _short(value: float, _: int | None = None) -> str:
    """1000 as 1k, 2000000 as 2M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _accuracy_axis(panel: Any, errors: Sequence[float]) -> None:
    """Few errors at the top, with the accuracy written beside the ticks."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    low, high = min(errors) / 1.2, max(errors) * 1.2
    panel.set_ylim(high, low)
    ticks = next((few for few in ([t for t in choice if low <= 1 - t <= high] for choice in (TICKS, FINE_TICKS)) if len(few) > 3), [])
    panel.yaxis.set_major_locator(FixedLocator([1 - tick for tick in ticks]))
    panel.yaxis.set_major_formatter(FixedFormatter([f"{tick:.3f}".removesuffix("0") for tick in ticks]))
    panel.yaxis.set_minor_locator(NullLocator())


def _label(figure: Any, panel: Any, points: Sequence[Point], cost: str) -> None:
    """Each point's name beside it, where it covers no point, no other name and, if it can be, no line; further away where there is no such place."""
    from matplotlib.text import Text

    renderer = figure.canvas.get_renderer()
    taken = [panel.transData.transform((getattr(p, cost), 1 - p.accuracy)) for p in points]
    ends = [panel.transData.transform(line.get_xydata()) for line in panel.get_lines()]
    lines = [spot for line in ends for a, b in itertools.pairwise(line) for spot in np.linspace(a, b, 60)]
    boxes: list[Any] = []
    inside = panel.get_window_extent(renderer)
    for point in sorted(points, key=lambda p: (getattr(p, cost), p.network)):
        for distance, avoided, (up, side) in itertools.product((1.0, 1.8, 2.6, 3.4), (lines, []), SIDES):
            if up == 0 and side == "center":
                continue
            right = {"left": 7, "right": -7, "center": 0}[side] * (1 if up == 0 else 0.6)
            text = panel.annotate(
                point.network,
                (getattr(point, cost), 1 - point.accuracy),
                (right * distance, up * distance),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=9,
                color=COLOURS[point.group],
                arrowprops={"arrowstyle": "-", "color": COLOURS[point.group], "linewidth": 0.6, "alpha": 0.6} if distance > 1 else None,
            )
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer)  # without the line to its point
            free = (
                not any(box.contains(*spot) for spot in avoided)
                and not any(box.padded(3).contains(*spot) for spot in taken)
                and not any(box.overlaps(other) for other in boxes)
            )
            if free and inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1):
                boxes.append(box)
                break
            text.remove()
        else:
            raise SystemExit(f"there is no place for the name of '{point.network}': make the figure larger")


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name, points in figures(points_of(recorded())).items():
        data = points[0].data
        save(draw(f"{TITLES.get(data, data)}: accuracy against size and work", points), FOLDER / name, source(points))
        print(f"wrote {FOLDER / name}.png and .svg")


if __name__ == "__main__":
    try:
        main()
    except NearwireError as error:
        raise SystemExit(f"error: {error}") from None
