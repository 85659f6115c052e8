"""Line and scatter charts: values in, coordinates of one SVG out; ``chart.svg.jinja`` draws them with the colours of the page.

Every point has a text of its own and can be reached by keyboard; series differ in colour and in the shape of their markers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640.0, 320.0  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 64.0, 22.0, 34.0, 46.0  # margins for the labels
LETTER = 6.6  # width of a label's letter, about
SERIES = 8  # colours and markers before they repeat


Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Point:
    """One value of a series, and what is said about it."""

    x: float
    y: float
    text: str
    label: str = ""  # written beside the marker


@dataclass(frozen=True)
class Series:
    """Points of one colour. ``line``: joined in order; ``front``: only those that no other beats, as a staircase; ``markers``: each point drawn."""

    name: str
    points: tuple[Point, ...]
    line: bool = True
    markers: bool = True
    front: bool = False


@dataclass(frozen=True)
class Axis:
    """What an axis measures. ``form``: how its ticks are written, a format specification, ``%`` or ``k``. ``low``, ``high``: fixed ends."""

    name: str
    form: str = "g"
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
    label: str  # empty where there is no room for it
    label_x: float = 0.0
    label_y: float = 0.0
    anchor: str = "start"  # of the label: start or end


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
    traces, taken = [], [(xs.at(p.x) - 6, ys.at(p.y) - 6, xs.at(p.x) + 6, ys.at(p.y) + 6) for p in points]
    for index, (s, part) in enumerate(kept):
        marks = tuple(_mark(p, xs.at(p.x), ys.at(p.y), taken) for p in part)
        joined = [marks[k] for k in front(part)] if s.front else marks
        path = _path([(m.x, m.y) for m in joined], s.front) if (s.line or s.front) and len(joined) > 1 else ""
        traces.append(Trace(s.name, index % SERIES, path, marks if s.markers else ()))
    return Chart(title, description, x.name, y.name, xs.ticks(), ys.ticks(), tuple(traces))


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other beats: none has at most their x and more y, or less x and at least their y. In order of x."""
    kept: list[int] = []
    for k in sorted(range(len(points)), key=lambda k: (points[k].x, -points[k].y)):
        if not kept or points[k].y > points[kept[-1]].y:
            kept.append(k)
    return kept


def _mark(point: Point, x: float, y: float, taken: list[Box]) -> Mark:
    """The label goes beside the marker where it covers nothing: four places are tried, then it is left out."""
    if not point.label:
        return Mark(x, y, point.text, "")
    wide = LETTER * len(point.label)
    for right, below in ((True, False), (False, False), (True, True), (False, True)):
        left = x + 9 if right else x - 9 - wide
        base = y + 18 if below else y - 8
        box = (left, base - 11, left + wide, base + 3)
        if left > LEFT and box[2] < WIDTH - 4 and box[3] < HEIGHT - BOTTOM and not any(_meet(box, other) for other in taken):
            taken.append(box)
            return Mark(x, y, point.text, point.label, x + 9 if right else x - 9, base, "start" if right else "end")
    return Mark(x, y, point.text, "")


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


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
    if high - low < 1:  # within one power of ten: round numbers, at their places on the logarithm
        return [v for v in _linear_ticks(10**low, 10**high) if v > 0]
    first, last = math.floor(low), math.ceil(high)
    factors = (1, 2, 5) if high - low < 3 else (1,)
    values = [m * 10.0**k for k in range(first, last + 1) for m in factors]
    return [v for v in values if low <= math.log10(v) <= high]
