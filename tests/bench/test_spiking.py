"""The bench of event-driven sums: what it varies and counts, its line, and a plot of the same bytes for the same points."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bench.spiking import SAMPLES, Count, Point, counted, draw, driven, formed, line, points_of, read_points, source, trained_point
from bench.support.figures import save as save_figure
from bench.support.figures import source_of
from bench.support.networks import integer_network, spiking_integers, spiking_network
from devices.boards.board import load_board
from devices.errors import InputError
from runtime.network.file import save
from runtime.network.reference import trace
from runtime.zoo import resolve
from tests.support.needs import needs_data
from tests.support.tools import M4, needs_emulator

DOCS = Path(__file__).parents[2] / "docs"


def some() -> list[Point]:
    return [Point("n", "0" * 64, k / 4, 0.1 * k, "dense_s8", Count(100 + 50 * k, 400 + 50 * k, 900), Count(900, 1200 + k, 1700)) for k in range(5)]


def test_more_current_makes_more_spikes_and_only_event_driven_work_follows() -> None:
    network = spiking_integers(spiking_network("dense", (20, 40, 10)))
    board, samples = load_board("emulated-cortex-m4"), np.random.default_rng(0).integers(0, 256, (2, 20)).astype(np.uint8)
    activity, events, dense = [], [], []
    for added in (-1.0, 0.0, 2.0):
        variant = driven(network, added)
        activity.append(float(trace(variant, samples)[0].mean()))
        events.append(counted(formed(variant, "events_s8", "dense_s8"), board, samples))
        dense.append(counted(formed(variant, "dense_s8", "dense_s8"), board, samples))
    assert activity[0] < activity[1] < activity[2]
    assert events[0].sums < events[1].sums < events[2].sums
    assert all(0 < count.sums < count.layers < count.total for count in (*events, *dense))
    assert events[2].sums / events[0].sums > 1.5 > 1.1 > dense[2].sums / dense[0].sums


def test_straight_line() -> None:
    base, slope, r2 = line(some())
    assert (base, slope, r2) == pytest.approx((400, 500, 1))


def test_the_same_points_give_the_same_bytes_and_are_read_back(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_figure(draw(some()), tmp_path / name, source(some()))
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    (tmp_path / "points.json").write_text(json.dumps([asdict(point) for point in some()]))
    assert read_points(tmp_path / "points.json") == some()


@pytest.mark.parametrize("content", ["", "[]", "[{}]", json.dumps([{"network": "x", "events": {}, "dense": {}}])])
def test_a_damaged_file_of_points_is_one_clear_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(content)
    with pytest.raises(InputError, match=r"points\.json' has no points.*nearwire bench spiking"):
        read_points(tmp_path / "points.json")


def test_other_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    save(integer_network((20, 12, 4)), path)
    with pytest.raises(InputError, match="has no layer that reads the spikes"):
        points_of(str(path), load_board("emulated-cortex-m4"), 1)


def test_the_kept_points_are_those_of_the_network_and_of_today_s_code() -> None:
    """The point as trained is counted again; the figures show the points."""
    needs_data("mnist")
    needs_emulator()
    points = read_points(DOCS / "spiking-activity.json")
    assert [point.network_sha256 for point in points] == [hashlib.sha256(resolve("zoo:mnist-snn").read_bytes()).hexdigest()] * len(points)
    kept, (now,) = trained_point(points), points_of("zoo:mnist-snn", load_board(M4), SAMPLES, (0.0,))
    assert (now.network, now.activity, now.format) == (kept.network, kept.activity, kept.format)
    for form in ("events", "dense"):
        for part in ("sums", "layers", "total"):
            assert getattr(getattr(now, form), part) == pytest.approx(getattr(getattr(kept, form), part), rel=0.02), "run nearwire bench spiking"
    for suffix in (".png", ".svg"):
        assert source_of(DOCS / f"spiking-activity{suffix}") == source(points), "run nearwire bench spiking --redraw"
