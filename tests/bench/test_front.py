"""The plots of the front: the right networks on the front, every name readable, the same bytes for the same points."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from matplotlib.text import Annotation, Text

from bench.front import AXES, BITNETMCU, Point, draw, on_front, read_points, save
from devices.errors import InputError

ROOT = Path(__file__).parents[2]


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
        save(draw("a figure", [*some(), *BITNETMCU]), tmp_path / name)
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"first{suffix}").read_bytes() == (tmp_path / f"second{suffix}").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "first.svg").read_bytes()


def test_the_kept_points_can_be_drawn_again() -> None:
    points = read_points(ROOT / "docs" / "front.json")
    assert {"mnist-2k", "fashion-5k", "digits-dense"} <= {point.network for point in points}
    assert (ROOT / "docs" / "front-mnist.svg").is_file()


@pytest.mark.parametrize("content", ["", "[{}]", json.dumps([{"network": "x", "wrong": 1}])])
def test_a_damaged_file_of_points_is_one_clear_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "front.json").write_text(content)
    with pytest.raises(InputError, match=r"front\.json' has no points.*nearwire bench front"):
        read_points(tmp_path / "front.json")
