"""The page of a spiking network: its own integers are the law's, spike for spike; its pictures, tables and controls; what other networks do not show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from bench.support.browser import PHONE, opened
from bench.support.networks import spiking_integers, spiking_network
from compile.kinds import lowering_of
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from compile.report import Report, html
from compile.report.facts import gather
from compile.report.shapes import threshold
from devices.boards.board import load_board
from runtime.builds.manifest import read_manifest
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.network import Network
from runtime.network.reference import scores
from runtime.network.spiking.integers import run, spiking_of
from tests.support.reports import dataset, fitted
from tests.support.spiking import spiking_digits

BOARD = load_board("emulated-cortex-m4")


def with_exit(network: Network, lead: int) -> Network:
    return replace(network, spiking=replace(spiking_of(network), exit_lead=lead))


def networks() -> dict[str, Network]:
    """All codings, read-outs, resets and kinds; with and without early exit."""
    found = {
        "direct, membrane": spiking_integers(spiking_network()),
        "direct, count, to zero": spiking_integers(spiking_network(readout="count", reset="zero", steps=9)),
        "direct, count, exit": with_exit(spiking_integers(spiking_network(readout="count", steps=12)), 0),
        "rate, membrane, exit": with_exit(spiking_integers(spiking_network(coding="rate", steps=12)), 200),
        "rate, count": spiking_integers(spiking_network("dense", (21, 12, 4), coding="rate", readout="count")),
        "latency, first": spiking_integers(spiking_network(coding="latency", readout="first", steps=11)),
        "latency, first, exit": with_exit(spiking_integers(spiking_network(coding="latency", readout="first", steps=11)), 0),
        "one layer": spiking_integers(spiking_network("dense", (20, 4))),
        "spatial": spiking_integers(spiking_network("spatial", (20, 12, 4))),
        "boxes": spiking_integers(spiking_network("field", (20, 12, 4))),
    }
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spikes")
    compile_network(spiking_digits(folder), folder / "build", CompileOptions(firmware_samples=2))
    return folder / "build"


@pytest.mark.parametrize("name", list(networks()))
def test_page_spikes_as_the_law_does(browser: Browser, built: Path, tmp_path: Path, name: str) -> None:
    network = networks()[name]
    data = dataset(network)
    facts = gather(network, network, data, scores(network, data.test.x))
    path = tmp_path / "report.html"
    path.write_text(html(Report(fitted(read_manifest(built), network), network, BOARD, facts, "x")))
    values = data.test.x[:8]
    with opened(browser, path) as one:
        assert one.page.evaluate("nearwire.live && nearwire.disagreeing.length === 0")
        for share in (0, 40):
            found: list[dict[str, Any]] = one.page.evaluate(
                """([x, share]) => x.map((v) => { const r = nearwire.law.run(Uint8Array.from(v), share); return {
                    scores: r.scores, executed: r.executed, spikes: r.spikes.map((a) => [...a]), membranes: [...r.membranes] }; })""",
                [values.tolist(), share],
            )
            layers = tuple(
                lowering_of(each).without_weak(each, threshold(np.sort(lowering_of(each).strengths(each)), share / 100)) if share else each
                for each in network.layers
            )
            wanted = run(network.with_layers(layers), values)
            assert share or any(spikes.any() for spikes in wanted.spikes)
            for k, row in enumerate(found):
                assert row["scores"] == wanted.scores[k].tolist(), share
                assert row["executed"] == wanted.executed[k], share
                assert row["spikes"] == [part[:, k].ravel().tolist() for part in wanted.spikes], share
                assert row["membranes"] == wanted.membranes[-1][:, k].ravel().tolist(), share


def test_other_spikes_are_noticed(browser: Browser, built: Path, tmp_path: Path) -> None:
    network = networks()["direct, membrane"]
    data = dataset(network)
    facts = gather(network, network, data, scores(network, data.test.x))
    other = network.with_layers((network.layers[0].with_options(threshold=int(network.layers[0].options["threshold"]) - 300), network.layers[1]))
    path = tmp_path / "report.html"
    path.write_text(html(Report(fitted(read_manifest(built), network), other, BOARD, facts, "x")))
    with opened(browser, path) as one:
        assert not one.page.evaluate("nearwire.live")
        assert "computes other numbers than the reference" in one.text("#map-scores")
        assert one.page.evaluate("nearwire.state.now.spikes.length") == 2  # what came with the page is shown


def test_pictures_show_the_sample_of_the_map(browser: Browser, built: Path) -> None:
    network, data = load(built), load_dataset("digits")
    with opened(browser, built / "report.html") as one:
        page, seen = one.page, set()
        assert page.locator(".thumbnail").all_inner_texts()[:11] == ["mean", *(f"mean {k}" for k in range(10))]
        for k in (11, 14):
            page.locator(".thumbnail").nth(k).click()
            assert one.text("#spikes-name") == one.text("#map-scores .sample-name")
            index = int(re.search(r"test sample (\d+)", one.text("#spikes-name")).group(1))  # type: ignore[union-attr]
            spikes = run(network, data.test.x[index : index + 1]).spikes
            total = ", ".join(f"layer{i} {n:,} spike{'' if n == 1 else 's'}" for i, n in enumerate(int(part.sum()) for part in spikes))
            assert one.text("#spikes-step") == f"{total} in 6 steps."
            label = str(page.locator(".neuron").nth(3).get_attribute("aria-label"))
            count = int(spikes[0][:, 0, 3].sum())
            assert f"{count} spike{'' if count == 1 else 's'} in 6 steps" in label
            seen |= {str(page.locator(canvas).evaluate("c => c.toDataURL()")) for canvas in ("#spikes-raster", "#spikes-membranes")}
        assert len(seen) == 4
        page.locator("#spikes-after").click()
        assert page.locator(".thumbnail").nth(15).get_attribute("aria-pressed") == "true"
        page.locator("#spikes-before").click()
        page.locator("#spikes-before").click()
        assert page.locator(".thumbnail").nth(13).get_attribute("aria-pressed") == "true"


def test_steps_are_read_by_keys_and_in_the_table(browser: Browser, built: Path) -> None:
    with opened(browser, built / "report.html") as one:
        page = one.page
        page.locator(".thumbnail").nth(12).click()
        page.locator("#spikes-raster").focus()
        texts = []
        for _ in range(6):
            page.keyboard.press("ArrowRight")
            texts.append(one.text("#spikes-step"))
        assert [re.match(r"Step (\d+)", text).group(1) for text in texts] == list("123456")  # type: ignore[union-attr]
        assert re.search(r"layer0: \d+ of 16 spike; layer1: \d+ of 10 spike.*largest membrane: \d at -?[\d.]+ thresholds", texts[3])
        page.keyboard.press("Escape")
        assert " in 6 steps." in one.text("#spikes-step")
        page.locator("#spikes-table summary").click()
        rows = page.locator("#spikes-table tbody tr").all_inner_texts()
        assert len(rows) == 6
        assert rows[3].split("\t")[1] in texts[3]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_and_phones(browser: Browser, built: Path, scheme: str) -> None:
    with opened(browser, built / "report.html", scheme) as one:
        one.page.locator("#spikes-table summary").click()
        assert one.axe() == []
        one.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert one.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert one.axe() == []


def test_both_reports_have_the_figures(built: Path) -> None:
    manifest = read_manifest(built)
    bench = manifest.neurobench
    assert bench is not None
    assert bench.worst_case is not None
    page, text = (built / "report.html").read_text(), (built / "report.md").read_text()
    for words in (
        "ActivationSparsity",
        "Effective_ACs",
        f"{bench.worst_case.instructions:,}",
        "Horowitz",
        "ESTIMATE",
        "How the worst case is known",
        "6 time steps",
    ):
        assert words in page, words
        assert words.replace("_", r"\_") in text or words in text, words
    assert "threshold, steps" in page
    assert "byte 255" not in page + text


def test_a_report_without_samples_has_no_pictures(browser: Browser, built: Path, tmp_path: Path) -> None:
    network = load(built)
    data = load_dataset("digits")
    facts = gather(network, network, data, scores(network, data.test.x), pictures=False)
    page = html(Report(read_manifest(built), network, BOARD, facts, "x"))
    (tmp_path / "report.html").write_text(page)
    assert '"x":' not in page
    with opened(browser, tmp_path / "report.html") as one:
        assert one.page.locator("#spikes-body").is_hidden()
        assert one.page.locator("#spikes table").count() == 2
