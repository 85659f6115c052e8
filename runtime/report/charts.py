"""Line and scatter charts: values in, coordinates of one SVG out; ``chart.svg.jinja`` draws them with the colours of the page.

Every point has a text of its own and can be reached by keyboard; series differ in colour and in the shape of their markers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640.0, 320.0  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 64.0, 18.0, 14.0, 46.0  # margins for the labels
SERIES = 8  # colours and markers before they repeat


@dataclass(frozen=True)
class Point:
    """One value of a series, and what is said about it."""

    x: float
    y: float
    text: str
    label: str = ""  # written beside the marker


@dataclass(frozen=True)
class Series:
    """Points of one colour. ``line``: joined in order; ``step``: joined as a staircase (a front); ``markers``: each point drawn."""

    name: str
    points: tuple[Point, ...]
    line: bool = True
    markers: bool = True
    step: bool = False


@dataclass(frozen=True)
class Axis:
    """What an axis measures. ``form``: how its ticks are written, a format specification, ``%`` or ``k``. ``low``, ``high``: fixed ends."""

    name: str
    form: str = ","
    log: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Tick:
    at: float  # coordinate in the drawing
    text: str


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    text: str
    label: str
    anchor: str  # of the label: start or end


@dataclass(frozen=True)
class Trace:
    name: str
    index: int  # of its colour and marker
    path: str  # an SVG path, empty without a line
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Chart:
    """Everything the template draws."""

    title: str
    description: str
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    traces: tuple[Trace, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def chart(title: str, description: str, series: Sequence[Series], x: Axis, y: Axis) -> Chart | None:
    """The chart of all points; None if there is no point to draw. A logarithmic axis leaves out values that are not above 0."""
    kept = [(s, tuple(p for p in s.points if (not x.log or p.x > 0) and (not y.log or p.y > 0))) for s in series]
    points = [p for _, part in kept for p in part]
    if not points:
        return None
    xs, ys = _Scale([p.x for p in points], x, LEFT, WIDTH - RIGHT), _Scale([p.y for p in points], y, HEIGHT - BOTTOM, TOP)
    traces = []
    for index, (s, part) in enumerate(kept):
        marks = tuple(_mark(p, xs.at(p.x), ys.at(p.y)) for p in part)
        path = _path([(m.x, m.y) for m in marks], s.step) if s.line and len(marks) > 1 else ""
        traces.append(Trace(s.name, index % SERIES, path, marks if s.markers else ()))
    return Chart(title, description, x.name, y.name, xs.ticks(), ys.ticks(), tuple(traces))


def _mark(point: Point, x: float, y: float) -> Mark:
    return Mark(x, y, point.text, point.label, "end" if x > WIDTH * 0.72 else "start")


def _path(points: Sequence[tuple[float, float]], step: bool) -> str:
    words = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for x, y in points[1:]:
        words.append(f"H{x:g}V{y:g}" if step else f"L{x:g} {y:g}")
    return "".join(words)


class _Scale:
    """Values to coordinates, and round ticks."""

    def __init__(self, values: Sequence[float], axis: Axis, start: float, end: float) -> None:
        self.axis, self.start, self.end = axis, start, end
        low, high = min(values), max(values)
        if axis.log:
            low, high = math.log10(low), math.log10(high)
            room = max((high - low) * 0.08, 0.05)
            self.low, self.high = low - room, high + room
            return
        room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        self.low = low - room if axis.low is None else min(axis.low, low)
        self.high = high + room if axis.high is None else max(axis.high, high)

    def at(self, value: float) -> float:
        v = math.log10(value) if self.axis.log else value
        return round(self.start + (v - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> tuple[Tick, ...]:
        values = _log_ticks(self.low, self.high) if self.axis.log else _linear_ticks(self.low, self.high)
        return tuple(Tick(self.at(v), self._text(v)) for v in values)

    def _text(self, value: float) -> str:
        if self.axis.form == "%":
            return f"{value * 100:g} %" if abs(value * 100 - round(value * 100)) < 1e-9 else f"{value * 100:.1f} %"
        if self.axis.form == "k":
            return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"
        return format(round(value, 12), self.axis.form)


def _linear_ticks(low: float, high: float) -> list[float]:
    """Four to eight multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where there are few."""
    first, last = math.floor(low), math.ceil(high)
    factors = (1, 2, 5) if high - low < 3 else (1,)
    values = [m * 10.0**k for k in range(first, last + 1) for m in factors]
    return [v for v in values if low <= math.log10(v) <= high]
