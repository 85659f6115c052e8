"""The report's two files: complete, small, made fast, the same bytes every time, and safe whatever the data is called."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import box_network, integer_network
from compile.kinds import lowering_of
from compile.report import Report, html, markdown
from compile.report.facts import Facts, gather
from compile.report.shapes import threshold
from devices.boards.board import load_board
from runtime.builds.manifest import Manifest, read_manifest
from runtime.network.kinds import kind_of
from runtime.network.network import Network
from runtime.network.reference import labels, scores
from runtime.report.words import markdown_text
from tests.support.builds import Zoo
from tests.support.reports import EVIL, dataset, scaled

BOARD = load_board("emulated-cortex-m4")


@pytest.fixture(scope="module")
def built(zoo: Zoo) -> Path:
    return zoo.build("digits-field")


def report(built: Path, network: Network, classes: tuple[str, ...], pictures: bool = True, **changes: object) -> Report:
    """A report of a network that was never compiled, with the manifest of a build that was."""
    data = dataset(network)
    manifest = read_manifest(built)
    changed = manifest.model_copy(update={"output": manifest.output.model_copy(update={"classes": classes}), **changes})
    return Report(changed, network, BOARD, gather(network, network, data, scores(network, data.test.x), pictures), "nearwire compile x")


def test_build_has_both_files_in_its_manifest(built: Path) -> None:
    manifest = read_manifest(built)
    assert {"report.html", "report.md"} <= set(manifest.files)
    page = (built / "report.html").read_text()
    for name in set(manifest.files) - {"report.html", "report.md"}:
        assert manifest.files[name].sha256 in page, name
    assert "nearwire compile zoo:digits-field" in page
    assert manifest.network_sha256 in page


def test_markdown_has_every_figure_of_the_manifest(built: Path) -> None:
    manifest, text = read_manifest(built), (built / "report.md").read_text()
    assert manifest.size is not None
    assert manifest.cost is not None
    wanted = [
        f"{manifest.accuracy.quantised:.4f}",
        f"{manifest.size.flash_bytes:,}",
        f"{manifest.size.ram_bytes:,}",
        f"{manifest.cost.instructions:,}",
    ]
    wanted += [f"{entry.bytes:,}" for layer in manifest.layers for entry in layer.ledger.values()]
    wanted += [f"{layer.predicted_instructions:,}" for layer in manifest.layers]
    for figure in wanted:
        assert figure in text, figure
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_reports_are_small(built: Path) -> None:
    assert (built / "report.html").stat().st_size < 2_000_000


def test_confusion_and_ranges_are_those_of_the_network() -> None:
    network = scaled(box_network(seed=3))
    data = dataset(network, 300)
    found = gather(network, network, data, scores(network, data.test.x))
    guessed = labels(network, data.test.x)
    for a, b, n in found.confusion:
        assert n == int(((data.test.y == a) & (guessed == b)).sum())
    assert sum(n for _, _, n in found.confusion) == 300
    assert len(found.ranges) == 1
    assert sum(found.ranges[0].histogram) == round((1 - found.ranges[0].zero) * 300 * network.layers[0].outputs)
    for sample in found.samples:
        assert sample.predicted == guessed[sample.index]
        assert np.array_equal(sample.values, data.test.x[sample.index])


@pytest.mark.parametrize("kind", ["field", "dense"])
def test_weakest_synapses_go_first(kind: str) -> None:
    network = box_network(seed=1) if kind == "field" else integer_network((20, 12, 4))
    layer = network.layers[0]
    lowering = lowering_of(layer)
    found = lowering.strengths(layer)
    least = threshold(np.sort(found), 0.5)
    cut = lowering.without_weak(layer, least)
    assert 0.5 <= (found >= least).mean() <= 1
    gone = kind_of(layer).integer_weights(layer) != kind_of(cut).integer_weights(cut)
    assert gone.any()
    assert np.array_equal(lowering.strengths(cut) > 0, (found >= least) & (found > 0))


def test_nothing_from_the_data_becomes_markup(built: Path) -> None:
    network = scaled(integer_network((20, 12, 4)))
    classes = (EVIL, "a|b", "`c`", "d\n<b>e</b>")
    one = report(built, network, classes, source=EVIL, board=EVIL)
    page = html(one)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>e" not in page
    assert len(re.findall(r"</script>", page)) == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))  # type: ignore[union-attr]
    assert any(name.startswith("<script>alert(1)") for name in data["classes"].values())
    text = markdown.text(one.manifest, BOARD, one.facts, one.command)
    assert "<script" not in text
    assert "<b>" not in text


def test_markdown_text_stays_one_cell() -> None:
    assert markdown_text("a|b\nc") == r"a\|b c"
    assert markdown_text("<a>`*") == r"&lt;a&gt;\`\*"


def test_what_was_not_measured_is_said_to_be_missing(built: Path) -> None:
    network = scaled(integer_network((20, 12, 4)))
    manifest = read_manifest(built)
    one = report(built, network, network.classes, False, size=None, cost=None, parity=dict.fromkeys(manifest.parity))
    page = html(one)
    assert page.count("not measured") >= 6
    assert "not run: the backend was missing" in page
    assert "made without samples" in page
    assert '"x":' not in page
    text = markdown.text(one.manifest, BOARD, one.facts, one.command)
    assert text.count("not measured") >= 5
    assert "| 0 B |" not in text


def test_ten_thousand_classes(built: Path) -> None:
    network = scaled(integer_network((20, 10_000)))
    classes = tuple(f"class {k}" for k in range(10_000))
    manifest = read_manifest(built)
    pairs = tuple((k, (k + 1) % 10_000, 1 + k % 7) for k in range(10_000))
    facts = Facts(pairs, (), 500, (), (), None)
    changed = {"layers": manifest.layers[:1], "output": manifest.output.model_copy(update={"classes": classes})}
    one = Report(manifest.model_copy(update=changed), network, BOARD, facts, "x")
    page = html(one)
    assert "10,000 classes are too many for a matrix" in page
    assert len(page) < 2_000_000


def test_the_report_is_made_in_under_three_seconds(built: Path) -> None:
    """A generous limit: it takes a fraction of a second."""
    network = scaled(box_network((28, 28), 128, 4, 10))
    start = time.perf_counter()
    page = html(report(built, network, network.classes))
    assert time.perf_counter() - start < 3
    assert len(page) < 2_000_000


def test_manifest_is_read_back_with_the_report(built: Path) -> None:
    assert isinstance(read_manifest(built), Manifest)
