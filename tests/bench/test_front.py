"""The plots of the front: the right networks on the front, every name readable, the same bytes for the same points; those in docs/ show the record."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from matplotlib.text import Annotation, Text

from bench.front import AXES, BITNETMCU, Point, draw, figures, on_front, points_of, source
from bench.support.figures import save, source_of
from bench.table import recorded

DOCS = Path(__file__).parents[2] / "docs"


def some() -> list[Point]:
    places = ((1500, 9000, 0.97), (1500, 9100, 0.971), (1520, 9050, 0.9705), (4000, 20_000, 0.985), (4100, 400_000, 0.984), (200_000, 300_000, 0.91))
    return [Point(f"network-{k}", "mnist", accuracy, constants, work) for k, (constants, work, accuracy) in enumerate(places)]


def test_a_network_is_on_the_front_if_none_beats_it_at_its_cost() -> None:
    assert [point.network for point in on_front(some(), "constants_bytes")] == ["network-1", "network-3"]
    assert [point.network for point in on_front(some(), "instructions")] == ["network-0", "network-2", "network-1", "network-3"]


@pytest.mark.parametrize("points", [[*some(), *BITNETMCU], some()[:2]])
def test_every_name_stands_alone_inside_its_panel(points: list[Point]) -> None:
    figure = draw("a figure", points)
    renderer = figure.canvas.get_renderer()
    for panel, cost in zip(figure.axes, AXES, strict=True):
        names = [text for text in panel.texts if isinstance(text, Annotation)]
        assert sorted(name.get_text() for name in names) == sorted(point.network for point in points)
        boxes = [Text.get_window_extent(name, renderer) for name in names]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        places = [panel.transData.transform((getattr(point, cost), 1 - point.accuracy)) for point in points]
        assert not any(box.contains(*place) for box in boxes for place in places)


def test_the_same_points_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save(draw("a figure", [*some(), *BITNETMCU]), tmp_path / name, "0123")
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"first{suffix}").read_bytes() == (tmp_path / f"second{suffix}").read_bytes()
        assert source_of(tmp_path / f"first{suffix}") == "0123"
    assert b"<dc:date>" not in (tmp_path / "first.svg").read_bytes()


def test_the_figures_in_docs_show_the_record() -> None:
    shown = figures(points_of(recorded()))
    assert set(shown) == {path.stem for path in DOCS.glob("front-*")}
    for name, points in shown.items():
        for suffix in (".png", ".svg"):
            assert source_of(DOCS / f"{name}{suffix}") == source(points), "run nearwire bench front"
