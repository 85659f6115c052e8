"""Event-driven against the dense loop of the same spiking network, over its activity: nearwire bench spiking [NETWORK]

NETWORK: a trained spiking network, a file or zoo:NAME (default: zoo:mnist-snn). It is quantised once. Its activity is varied by a constant current that
is added to all neurons whose spikes are read, and every variant is compiled twice for the emulated Cortex-M4, the layers that read spikes as
events_s8 and in the dense format that is the fastest there; the first layer is the same in both. Exact instructions, means over --samples test
images: of the sums over spikes alone (the kernels, and for dense ones what turns spikes into bytes), of the layers that read spikes with their
neurons and read-out, which every form has to compute, and of everything. Printed: the ratio at each activity, and how near a straight line the
event-driven counts lie. docs/spiking-activity.json keeps the points, the plot is
docs/spiking-activity.png and .svg; ``--redraw`` measures nothing. The same points give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.support.figures import save
from bench.support.records import digest
from compile.emit.c import steady as c
from compile.formats import FORMATS
from compile.passes.freeze import freeze
from compile.passes.prune import prune
from compile.passes.quantise import quantise
from compile.passes.store import store
from compile.pipeline.pipeline import CALIBRATION_SAMPLES
from devices.boards.board import Board, load_board
from devices.common.console import print_table
from devices.errors import InputError, NearwireError
from devices.links.unicorn import WINDOW
from runtime.backends.firmware.core import FirmwareSession
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.network import Array, Network
from runtime.network.spiking.metrics import measure
from runtime.zoo import resolve

STEM = Path("docs") / "spiking-activity"
EVENTS = "events_s8"
DENSE = ("dense_s8", "dense16_s8", "dense32_s8")
ADDED = (-0.6, -0.3, -0.15, -0.05, 0.0, 0.05, 0.1, 0.2, 0.35, 0.55, 0.8, 1.2, 2.0, 3.5)  # current, thresholds a step
SAMPLES = 20  # test images to average over
ASKED = 3.0  # times fewer instructions at the trained activity
PARTS = {"sums": "sums over spikes", "layers": "layers that read spikes", "total": "everything"}
COLOURS = {"events": "#0b63a5", "dense": "#b3420e"}


@dataclass(frozen=True)
class Count:
    """Instructions of one inference, mean."""

    sums: float  # over spikes, alone
    layers: float  # that read spikes
    total: float


@dataclass(frozen=True)
class Point:
    """One activity, in both forms."""

    network: str
    network_sha256: str
    added: float  # current, thresholds a step; 0: as trained
    activity: float  # spikes a neuron and step of the layers whose spikes are read
    format: str  # the fastest dense one
    events: Count
    dense: Count

    def ratio(self, part: str) -> float:
        """How many times fewer."""
        return float(getattr(self.dense, part) / getattr(self.events, part))


def driven(network: Network, added: float) -> Network:
    """With more current, or less, for all neurons but the last layer's."""
    layers = []
    for layer in network.layers[:-1]:
        current = round(added * int(layer.options["threshold"]))
        sums = current << layer.arrays["shift"].astype(np.int64) if "shift" in layer.arrays else current >> int(layer.options["lift"])
        layers.append(layer.with_arrays(bias=(layer.arrays["bias"] + sums).astype(np.int32)))
    return network.with_layers((*layers, network.layers[-1]))


def formed(network: Network, name: str, first: str) -> Network:
    """The stored network whose spikes are read in format ``name``; ``first``: of a first layer that reads values."""
    layers = tuple(replace(layer, store=name if "lift" in layer.options else first) for layer in network.layers)
    return network.with_layers(layers, "stored")


def counted(network: Network, board: Board, samples: Array) -> Count:
    """Exact counts of every inference but the first."""
    names = [f"nearwire_layer_{k}" for k in range(len(network.layers))]
    reading = {name: layer.store for name, layer in zip(names, network.layers, strict=True) if "lift" in layer.options}
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        c.emit(network, Path(folder))
        session = FirmwareSession(Path(folder), network, board)
        try:
            session.instructions(samples[:1])
            marks = tuple(name for name in (*names, "nearwire_layer_0_begin", "nearwire_code") if name in session.image.symbols)
            for sample in samples:
                session.core.write(WINDOW, sample.tobytes())
                windows = session.core.count_by_function("nearwire_infer", WINDOW, session.scores_at, start=names[0], marks=marks, enter={})
                parts = [(mark, function, count) for window in windows for (mark, function), count in window.items()]
                own = [part for part in parts if part[0] in reading]
                sums = [n for mark, function, n in own if function.startswith((f"nearwire_{reading[mark]}", "nearwire_spike_bytes"))]
                counts.append((sum(sums), sum(n for _, _, n in own), sum(n for _, _, n in parts)))
        finally:
            session.close()
    return Count(*(round(float(mean), 1) for mean in np.mean(counts, axis=0)))


def fastest(network: Network, board: Board, samples: Array, first: str) -> str:
    """The dense format with the fewest instructions."""
    usable = [name for name in DENSE if all(FORMATS[name].refuses(layer) is None for layer in network.layers if "lift" in layer.options)]
    return min(usable, key=lambda name: counted(formed(network, name, first), board, samples).layers)


def points_of(name: str, board: Board, samples: int, currents: Sequence[float] = ADDED) -> list[Point]:
    """The network at the activity of every added current, least first."""
    trained = load(resolve(name))
    if trained.spiking is None or len(trained.layers) < 2:
        raise InputError(f"'{name}' has no layer that reads the spikes of another. Give a spiking network of two layers or more.")
    data = load_dataset(str(trained.provenance["data"]))
    network = quantise(prune(freeze(trained), 0.0), data.train.x[:CALIBRATION_SAMPLES])
    first = store(network, board)[0].layers[0].store or ""
    flat = np.ascontiguousarray(data.test.x[:samples].reshape(samples, -1))
    dense = fastest(network, board, flat[:2], first)
    points = []
    sha256 = hashlib.sha256(resolve(name).read_bytes()).hexdigest()
    label = name.removeprefix("zoo:") if name.startswith("zoo:") else Path(name).stem
    for added in currents:
        variant = driven(network, added)
        layers = measure(variant, flat).layers[:-1]
        activity = sum(layer.spikes for layer in layers) / sum(layer.neurons for layer in layers) / trained.spiking.steps
        events, loop = (counted(formed(variant, form, first), board, flat) for form in (EVENTS, dense))
        points.append(Point(label, sha256, added, round(activity, 4), dense, events, loop))
        print(f"  {added:+g} thresholds a step: activity {activity:.3f}", flush=True)
    return sorted(points, key=lambda point: point.activity)


def line(points: Sequence[Point]) -> tuple[float, float, float]:
    """(instructions without a spike, instructions an activity of 1 adds, R squared) of the straight line through the event-driven counts."""
    x, y = np.array([p.activity for p in points]), np.array([p.events.layers for p in points])
    slope, base = np.polyfit(x, y, 1)
    rest = ((y - base - slope * x) ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-9)
    return float(base), float(slope), float(1 - rest)


def read_points(path: Path) -> list[Point]:
    """The points of an earlier measurement."""
    try:
        points = [Point(**(entry | {name: Count(**entry[name]) for name in ("events", "dense")})) for entry in json.loads(path.read_text())]
        if not any(point.added == 0 for point in points):
            raise ValueError("none is as trained")
        return points
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"'{path}' has no points: {error}. Measure them: nearwire bench spiking") from error


def source(points: Sequence[Point]) -> str:
    """What the plot carries to say which points it shows."""
    return digest([asdict(point) for point in points])


def trained_point(points: Sequence[Point]) -> Point:
    return next(point for point in points if point.added == 0)


def report(points: Sequence[Point]) -> None:
    """The table, the line and what was asked."""
    rows = [[f"{p.added:+g}", f"{p.activity:.3f}", *(cell for part in PARTS for cell in _cells(p, part))] for p in points]
    dense, of = points[0].format, trained_point(points)
    header = ["current added", "activity", *(f"{word}: events_s8 / {dense}" if k == 0 else "fewer" for word in PARTS.values() for k in (0, 1))]
    print_table(
        f"{of.network}: instructions on an emulated Cortex-M4; current in thresholds a step, activity in spikes a neuron and step", header, rows
    )
    base, slope, r2 = line(points)
    print(f"event-driven layers: {base:,.0f} + {slope:,.0f} x activity instructions, R2 {r2:.4f}")
    verdict = "as asked" if of.ratio("layers") >= ASKED else "LESS THAN ASKED"
    ratios = ", ".join(f"{word} {of.ratio(part):.2f} times fewer" for part, word in PARTS.items())
    print(f"as trained, activity {of.activity:.3f}: {ratios} (asked of the layers: {ASKED:g}; {verdict})")


def _cells(point: Point, part: str) -> list[str]:
    return [f"{getattr(point.events, part):,.0f} / {getattr(point.dense, part):,.0f}", f"{point.ratio(part):.2f} x"]


def draw(points: Sequence[Point]) -> Any:
    """Three panels: the sums over spikes, the layers that read spikes, everything."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    of, dense = trained_point(points), points[0].format
    figure = Figure(figsize=(12.5, 4.6), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{of.network}: work follows the spikes", fontsize=14)
    panels = figure.subplots(1, len(PARTS))
    x = [p.activity for p in points]
    for panel, (part, title) in zip(panels, PARTS.items(), strict=True):
        for name, key, marker in ((f"dense loop, {dense}", "dense", "s"), ("event-driven, events_s8", "events", "o")):
            counts = [getattr(getattr(p, key), part) for p in points]
            panel.plot(x, counts, marker=marker, markersize=5, color=COLOURS[key], label=name, linewidth=1.4)
        panel.axvline(of.activity, color="#777777", linewidth=1, linestyle=":", zorder=0)
        low, high = getattr(of.events, part), getattr(of.dense, part)
        panel.annotate("", (of.activity, high), (of.activity, low), arrowprops={"arrowstyle": "<->", "color": "#333333", "linewidth": 1})
        panel.text(
            of.activity, low + 0.75 * (high - low), f"  as trained:\n  {of.ratio(part):.1f} x fewer", va="center", fontsize=10, color="#333333"
        )
        panel.set_title(title, fontsize=11)
        panel.set_xlabel("spikes a neuron and time step")
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
        panel.grid(True, color="#dddddd", linewidth=0.6)
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panels[0].set_ylabel("instructions of one inference, emulated Cortex-M4")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=10)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="zoo:mnist-snn")
    parser.add_argument("--board", default="emulated-cortex-m4")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="test images to average over")
    parser.add_argument("--redraw", action="store_true", help=f"draw the points of {STEM}.json")
    parser.add_argument("--no-plot", action="store_true", help="only print")
    arguments = parser.parse_args()
    points = (
        read_points(STEM.with_suffix(".json")) if arguments.redraw else points_of(arguments.network, load_board(arguments.board), arguments.samples)
    )
    report(points)
    if arguments.no_plot:
        return
    STEM.parent.mkdir(exist_ok=True)
    STEM.with_suffix(".json").write_text(json.dumps([asdict(point) for point in points], indent=1) + "\n")
    save(draw(points), STEM, source(points))
    print(f"wrote {STEM}.png and .svg")


if __name__ == "__main__":
    try:
        main()
    except NearwireError as error:
        raise SystemExit(f"error: {error}") from None
