"""The comparison of builds: the right points, the right front, what is missing said to be so; and its page in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser

from bench.support.browser import DESKTOP, PHONE, opened
from devices.errors import InputError
from runtime.builds.manifest import Manifest
from runtime.report import compare
from runtime.report.benches import Benches, read_benches
from runtime.report.charts import Axis, Point, Series, chart, front
from runtime.report.page import picture
from tests.support.commands import run

EVIL = "<script>alert(1)</script>\"'"
PLACES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=25)


def manifest(flash: int | None, accuracy: float, data: str = "mnist", board: str = "emulated-cortex-m4", source: str = "net") -> Manifest:
    steps = dict.fromkeys(("float", "frozen", "pruned", "quantised"), accuracy)
    size = None if flash is None else {"constants_bytes": flash - 100, "code_bytes": 100, "flash_bytes": flash, "ram_bytes": 50, "stack_bytes": 20}
    counts = {"instructions_min": 1, "instructions_max": 9, "instructions_first": 5, "samples": 3}
    cost = {"core": "Cortex-M4", **counts, "cycles": None, "latency_us": None, "compiler": "zig"}
    layer = {"name": "layer0", "kind": "dense", "shape": (10, 64), "parameters": 650, "nonzeros": 640, "store": "dense_s8", "bytes": 700}
    raw: dict[str, Any] = {
        "schema": 1,
        "tool_version": "0",
        "network_sha256": "0" * 64,
        "source": source,
        "board": board,
        "options": {},
        "accuracy": {"data": data, "samples": 100, **steps},
        "parity": {"c": {"samples": 100, "label_mismatches": 0, "max_abs_difference": 0, "detail": "gcc"}, "tflite": None},
        "size": size,
        "cost": None if flash is None else {**cost, "instructions": flash * 3},
        "budgets": {},
        "layers": [{**layer, "instructions": 1000, "predicted_instructions": 990, "ledger": {}, "reason": ""}],
        "input": {"shape": (8, 8), "dtype": "uint8", "scale": 0.1, "zero_point": 0},
        "output": {"classes": ("a", "b"), "dtype": "int32", "scale": 0.1},
        "files": {},
    }
    return Manifest.model_validate(raw)


def entries(*costs: tuple[str, int | None, float], **more: str) -> list[compare.Entry]:
    return [compare.Entry(name, manifest(flash, accuracy, **more)) for name, flash, accuracy in costs]


@given(PLACES)
def test_front_is_what_no_other_beats(places: list[tuple[int, int]]) -> None:
    points = [Point(float(x), float(y), "") for x, y in places]
    kept = front(points)
    for k in kept:
        assert not any((x < places[k][0] and y >= places[k][1]) or (x <= places[k][0] and y > places[k][1]) for x, y in places)
    for k, (x, y) in enumerate(places):
        assert k in kept or any(places[j][0] <= x and places[j][1] >= y for j in kept)


@given(PLACES)
def test_charts_keep_everything_inside(places: list[tuple[int, int]]) -> None:
    points = tuple(Point(float(x), float(y), f"{x}", "a label") for x, y in places)
    for log in (False, True):
        found = chart("t", "d", [Series("s", points, front=True)], Axis("x", "k", log=log), Axis("y"))
        assert found is not None
        for mark in found.traces[0].marks:
            assert found.left <= mark.x <= found.right
            assert found.top <= mark.y <= found.bottom
        for tick in found.x_ticks:
            assert found.left - 0.1 <= tick.at <= found.right + 0.1
        if max(x for x, _ in places) > min(x for x, _ in places):
            assert len(found.x_ticks) >= 2


def test_nothing_to_draw_is_no_chart() -> None:
    assert chart("t", "d", [Series("s", ())], Axis("x"), Axis("y")) is None
    assert chart("t", "d", [Series("s", (Point(0.0, 1.0, ""),))], Axis("x", log=True), Axis("y")) is None


def test_rows_say_who_is_on_the_front_and_what_is_missing() -> None:
    group = compare.groups(entries(("small", 1000, 0.9), ("better", 2000, 0.95), ("beaten", 3000, 0.94), ("unknown", None, 0.99)))[0]
    found = {row["name"]: row for row in group.rows}
    assert [row["name"] for row in group.rows] == ["small", "better", "beaten", "unknown"]
    assert (found["small"]["front"], found["better"]["front"], found["beaten"]["front"]) == ("bytes and instructions", "bytes and instructions", "no")
    assert found["unknown"]["flash"] == found["unknown"]["instructions"] == "not measured"
    assert group.bytes_chart is not None
    assert len(group.bytes_chart.traces[0].marks) == 3
    assert group.bytes_chart.traces[0].path.count("H") == 1


def test_data_sets_are_not_mixed_and_nothing_measured_is_no_chart() -> None:
    found = compare.groups([*entries(("a", 1000, 0.9)), *entries(("b", None, 0.8), data="digits")])
    assert [group.data for group in found] == ["digits", "mnist"]
    assert found[0].bytes_chart is None
    assert "No size was measured" in compare.page(entries(("b", None, 0.8)), Benches())


def test_names_tell_builds_apart(tmp_path: Path) -> None:
    folders = [tmp_path / "x" / "same", tmp_path / "y" / "same", tmp_path / "y" / "other"]
    assert [e.name for e in compare.entries_of(folders, [manifest(1000, 0.9)] * 3)] == ["x/same", "y/same", "y/other"]


def test_names_link_to_the_reports(tmp_path: Path) -> None:
    strange = tmp_path / "javascript:alert(1)"
    for folder in (strange, tmp_path / "plain"):
        folder.mkdir()
        (folder / "report.html").touch()
    found = compare.entries_of([strange, tmp_path / "plain", tmp_path / "none"], [manifest(1000, 0.9)] * 3, tmp_path)
    assert [entry.link for entry in found] == ["./javascript%3Aalert%281%29/report.html", "./plain/report.html", ""]
    assert '<a href="./plain/report.html">plain</a>' in compare.page(found, Benches())


def bench_file(path: Path, device: str, invalid: tuple[str, ...] = ()) -> Path:
    row = {"device": device, "build": "small", "backend": "c", "detail": "gcc", "runs": 10}
    rows = [{**row, "p50_us": 12.5, "p99_us": 20.0}, {**row, "backend": "firmware", "instructions": 12345.0}]
    path.write_text(json.dumps({"rows": rows, "devices": [{"device": device, "valid": not invalid, "invalid": invalid}]}))
    return path


def test_benches_of_boards_lie_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"rows": [], "devices": [{"device": "silent", "valid": False, "error": "it does not answer"}]}))
    files = [bench_file(tmp_path / "a.json", "host"), bench_file(tmp_path / "b.json", "pi", ("it throttled",)), tmp_path / "c.json"]
    found = read_benches(files)
    table = compare.bench_table(found.timings)
    assert table is not None
    assert table["devices"] == ["host", "pi"]
    assert [cell["text"] for cell in table["rows"][0]["cells"]] == ["12.50 us, P99 20.00"] * 2
    assert table["rows"][1]["cells"][0]["text"] == "12,345 instructions"
    page = compare.page(entries(("small", 1000, 0.9)), found)
    assert "pi: not to be trusted: it throttled" in page
    assert "silent: no figures: it does not answer" in page


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rows": [{"device": 1}]}'])
def test_foreign_bench_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bench.json").write_text(text)
    with pytest.raises(InputError, match=r"bench\.json"):
        read_benches([tmp_path / "bench.json"])
    with pytest.raises(InputError, match="no bench file"):
        read_benches([tmp_path / "none.json"])


def test_figures_are_svg_files_of_their_own(tmp_path: Path) -> None:
    found = compare.groups(entries((EVIL, 1000, 0.9), ("b", 2000, 0.95)))[0].bytes_chart
    assert found is not None
    text = picture(found)
    assert text == picture(found)
    assert text.startswith("<svg xmlns=")
    assert "<script" not in text
    from xml.etree import ElementTree

    ElementTree.fromstring(text)


def folder_of(tmp_path: Path, name: str, one: Manifest) -> Path:
    (tmp_path / name).mkdir()
    (tmp_path / name / "manifest.json").write_text(one.to_json())
    return tmp_path / name


def test_command_writes_page_and_figures(tmp_path: Path) -> None:
    a, b = folder_of(tmp_path, "a", manifest(1000, 0.9)), folder_of(tmp_path, "b", manifest(2000, 0.95))
    done = run("runtime", "report", a, b, "--out", tmp_path / "c.html", "--figures", tmp_path / "figures", "--json")
    assert done.returncode == 0, done.stderr
    raw = json.loads(done.stdout)
    assert [Path(name).name for name in raw["files"]] == ["c.html", "bytes-mnist.svg", "instructions-mnist.svg"]
    first = {path.name: path.read_bytes() for path in (tmp_path / "c.html", *(tmp_path / "figures").iterdir())}
    assert run("runtime", "report", a, b, "--out", tmp_path / "c.html", "--figures", tmp_path / "figures").returncode == 0
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "c.html", *(tmp_path / "figures").iterdir())}


def test_command_fails_with_one_line(tmp_path: Path) -> None:
    a = folder_of(tmp_path, "a", manifest(1000, 0.9))
    (tmp_path / "thesis.html").write_text("<p>years of work</p>")
    for words, message in (
        ((tmp_path,), "is not a build"),
        ((a, a), "named twice"),
        ((a, "--out", tmp_path / "thesis.html"), "not a page of nearwire"),
    ):
        done = run("runtime", "report", *words)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert (tmp_path / "thesis.html").read_text() == "<p>years of work</p>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_in_a_browser(browser: Browser, tmp_path: Path, scheme: str) -> None:
    timings = read_benches([bench_file(tmp_path / "a.json", EVIL)])
    many = entries((EVIL, 1000, 0.9), ("b", 2000, 0.95), ("c", None, 0.99), ("d" * 300, 4000, 0.93))
    path = tmp_path / "compare.html"
    path.write_text(compare.page([*many, *entries(("m0", 1500, 0.9), board=EVIL)], timings))
    for size in (DESKTOP, PHONE):
        with opened(browser, path, scheme, size) as one:
            assert one.axe() == []
            assert one.page.evaluate("document.documentElement.scrollWidth") <= size[0]
            marks = one.page.locator(".chart .mark[aria-label]")
            assert marks.count() == 8
            for k in range(marks.count()):
                marks.nth(k).focus()
                note = marks.nth(k).evaluate("mark => mark.closest('.chart').querySelector('.chart-note').textContent")
                assert note == marks.nth(k).get_attribute("aria-label")
            assert re.search(r"2,000, accuracy 0.9500", " ".join(one.page.locator(".chart .mark title").all_text_contents()))
