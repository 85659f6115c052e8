"""The map in a browser: every control is used, and what it must change is looked at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from bench.support.browser import PHONE, Opened, opened
from bench.support.networks import integer_network, replicated_network
from compile.report import Report, html
from compile.report.facts import gather
from devices.boards.board import load_board
from runtime.builds.manifest import read_manifest
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.reference import scores, trace
from tests.support.builds import Zoo
from tests.support.reports import EVIL, dataset, scaled


@pytest.fixture(scope="module")
def builds(zoo: Zoo) -> dict[str, Path]:
    return {name: zoo.build(name) for name in ("digits-field", "digits-spatial")}


def page_of(builds: dict[str, Path], name: str) -> Path:
    return builds[name] / "report.html"


def picture(page: Page) -> str:
    """The stage's pixels."""
    return str(page.locator("#map-stage").evaluate("c => c.toDataURL()"))


def pressed(page: Page, group: str) -> list[str]:
    return page.locator(f'{group} button[aria-pressed="true"]').all_inner_texts()


def slide(page: Page, value: int) -> None:
    page.locator("#map-share").evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", value)


def test_layers_and_samples_change_the_drawing(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-field")) as one:
        page, seen = one.page, set()
        assert pressed(page, "#map-layers") == ["layer0"]
        for k, layer in enumerate(["layer0", "layer1"]):
            page.locator("#map-layers button").nth(k).click()
            assert pressed(page, "#map-layers") == [layer]
            assert page.locator(".neuron").count() == (24, 10)[k]
            seen.add(picture(page))
        thumbnails = page.locator(".thumbnail")
        assert thumbnails.count() > 20
        for k in range(thumbnails.count()):
            thumbnails.nth(k).click()
            assert thumbnails.nth(k).get_attribute("aria-pressed") == "true"
            assert one.text(".sample-name").rstrip(".") == thumbnails.nth(k).get_attribute("aria-label")
            seen.add(picture(page))
        assert len(seen) > thumbnails.count() * 0.9


def test_activity_shown_is_that_of_the_reference(browser: Browser, builds: dict[str, Path]) -> None:
    network = load(builds["digits-field"])
    data = load_dataset("digits")
    with opened(browser, page_of(builds, "digits-field")) as one:
        button = one.page.locator(".thumbnail").nth(3)
        index = int(re.search(r"test sample (\d+)", str(button.get_attribute("aria-label"))).group(1))  # type: ignore[union-attr]
        button.click()
        layers = trace(network, data.test.x[index : index + 1])
        for neuron in (0, 7, 23):
            assert f"activity {layers[0][0, neuron]} of 255" in str(one.page.locator(".neuron").nth(neuron).get_attribute("aria-label"))
        top = one.page.locator(".scores li").first.inner_text().split("\n")
        assert top[0] == network.classes[int(layers[1][0].argmax())]
        assert int(top[-1].replace(",", "")) == layers[1][0].max()


def test_a_neuron_tells_position_fan_out_and_bytes(browser: Browser, builds: dict[str, Path]) -> None:
    layer = load(builds["digits-field"]).layers[0]
    with opened(browser, page_of(builds, "digits-field")) as one:
        page = one.page
        before = picture(page)
        page.locator(".neuron").nth(5).hover()
        assert re.search(
            r"layer0, neuron 5: centre at row [\d.]+, column [\d.]+; activity \d+ of 255; feeds \d+ connections; about \d+ bytes",
            one.text("#map-hover"),
        )
        page.locator(".neuron").nth(5).click()
        assert picture(page) != before
        assert one.text("#map-info h3") == "layer0, neuron 5"
        shown = page.locator("#map-info .boxes li").all_inner_texts()
        charges = [int(c) for c, e in zip(layer.arrays["charge"][5], layer.arrays["edges"][5], strict=True) if c and (e[2] - e[0]) * (e[3] - e[1])]
        found = [int(re.search(r"charge ([+−]\d+)", text).group(1).replace("−", "-")) for text in shown]  # type: ignore[union-attr]
        assert found == charges
        assert page.locator("#map-neuron").input_value() == "5"
        page.locator("#map-clear").click()
        assert picture(page) == before
        page.locator("#map-neuron").fill("9")
        page.locator("#map-neuron").press("Enter")
        assert one.text("#map-info h3") == "layer0, neuron 9"
        page.locator("#map-neuron").fill("9999")
        page.locator("#map-neuron").press("Enter")
        assert one.text("#map-info h3") == "layer0, neuron 23"
        page.locator("#map-stage").hover(position={"x": 100, "y": 100})
        assert re.search(r"row \d+, column \d+, value \d+", one.text("#map-hover"))


def test_prune_slider_keeps_what_it_says(browser: Browser, builds: dict[str, Path]) -> None:
    for name, total in (("digits-field", 24 * 4), ("digits-spatial", 64 * 256)):
        with opened(browser, page_of(builds, name)) as one:
            counts, pictures = [], set()
            for value in (0, 50, 80, 99):
                slide(one.page, value)
                text = one.text("#map-share-text")
                assert text.startswith(f"{value} %")
                counts.append(int(re.search(r"([\d,]+) of", text).group(1).replace(",", "")))  # type: ignore[union-attr]
                pictures.add(picture(one.page))
            assert counts[0] == total
            assert counts == sorted(counts, reverse=True)
            for value, count in zip((50, 80, 99), counts[1:], strict=True):
                assert count == pytest.approx(total * (1 - value / 100), abs=0.12 * total)
            assert len(pictures) >= 3


def test_order_table_and_keys(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-field")) as one:
        page = one.page
        page.locator(".thumbnail").nth(2).click()
        page.locator("#map-order").select_option("activity")
        values = [int(re.search(r"activity (\d+)", str(b.get_attribute("aria-label"))).group(1)) for b in page.locator(".neuron").all()]  # type: ignore[union-attr]
        assert values == sorted(values, reverse=True)
        page.locator("#map-order").select_option("number")
        assert page.locator(".neuron").first.get_attribute("data-neuron") == "0"
        page.locator("#map-table summary").click()
        page.locator("#map-table tbody tr").first.wait_for()
        assert page.locator("#map-table tbody tr").count() == 24
        assert "rectangle 0: rows" in one.text("#map-table tbody td")
        page.locator("#map-stage").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("n")
        assert page.locator("#map-neuron").input_value() == "1"
        page.keyboard.press("ArrowLeft")
        assert page.locator("#map-neuron").input_value() == "0"
        page.keyboard.press("Escape")
        assert page.locator("#map-neuron").input_value() == ""


def turned(one: Opened, act: object) -> bool:
    before = picture(one.page)
    act()  # type: ignore[operator]
    return picture(one.page) != before


def test_space_turns_by_buttons_keys_and_mouse(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-spatial")) as one:
        page = one.page
        first = picture(page)
        for button in page.locator("[data-turn]").all()[:-1]:
            assert turned(one, button.click), button.get_attribute("data-turn")
        page.locator('[data-turn="reset"]').click()
        assert picture(page) == first
        stage = page.locator("#map-stage")
        stage.focus()
        for key in ("ArrowLeft", "ArrowUp", "+", "-", "0"):
            assert turned(one, lambda key=key: page.keyboard.press(key)), key
        assert picture(page) == first
        box = stage.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 220, box["y"] + 130, steps=4)
        page.mouse.up()
        assert picture(page) != first
        page.keyboard.down("Control")
        assert turned(one, lambda: (page.mouse.wheel(0, -100), page.wait_for_timeout(200)))
        page.keyboard.up("Control")


def test_space_chooses_neurons_and_lies_flat(browser: Browser, builds: dict[str, Path]) -> None:
    network = load(builds["digits-spatial"])
    with opened(browser, page_of(builds, "digits-spatial")) as one:
        page = one.page
        page.locator("#map-layers button", has_text="input").click()
        assert turned(one, lambda: (page.locator("#map-neuron").fill("20"), page.locator("#map-neuron").press("Enter")))
        place = ", ".join(str(v) for v in network.layers[0].arrays["sender"][20])
        assert f"position ({place}) steps" in one.text("#map-info")
        assert "feeds 256 of 256 neurons" in one.text("#map-info")
        slide(page, 90)
        kept = int(re.search(r"feeds (\d+) of", one.text("#map-info")).group(1))  # type: ignore[union-attr]
        assert kept < 256
        slide(page, 0)
        assert turned(one, page.locator("#view-flat").click)
        assert not page.locator("#map-turn").is_visible()
        assert turned(one, page.locator("#map-clear").click)
        box = page.locator("#map-stage").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 6, box["y"] + box["width"] / 6)
        hits = 0
        for x in np.linspace(0.1, 0.25, 12):
            page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["width"] / 6)
            hits += bool(re.search(r"input \d+: position", one.text("#map-hover")))
        assert hits > 0
        assert turned(one, page.locator("#view-space").click)
        page.locator("#map-layers button", has_text="layer1").click()
        page.locator("#map-table summary").click()
        page.locator("#map-table tbody tr").first.wait_for()
        assert page.locator("#map-table tbody tr").count() == 10


def test_a_drawing_is_run_by_pointer_and_by_keys(browser: Browser, builds: dict[str, Path]) -> None:
    network = load(builds["digits-field"])
    with opened(browser, page_of(builds, "digits-field")) as one:
        page = one.page
        page.locator("#map-draw").click()
        pad = page.locator("#map-pad")
        box = pad.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 20, steps=5)
        page.mouse.up()
        page.wait_for_timeout(100)
        drawn = np.array(list(page.evaluate("[...nearwire.state.sample.values]")), np.uint8)[None]
        assert drawn.any()
        wanted = scores(network, drawn)[0]
        assert page.evaluate("nearwire.state.now.scores") == wanted.tolist()
        assert one.text(".sample-name") == f"your drawing, taken for {network.classes[int(wanted.argmax())]}."
        page.locator("#map-pad-clear").click()
        page.wait_for_timeout(100)
        assert not any(page.evaluate("[...nearwire.state.sample.values]"))
        pad.focus()
        for key in ("ArrowUp", "Space", "ArrowLeft", "Space"):
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert sum(v > 0 for v in page.evaluate("[...nearwire.state.sample.values]")) >= 2
        page.keyboard.press("Delete")
        page.wait_for_timeout(100)
        assert not any(page.evaluate("[...nearwire.state.sample.values]"))
        assert one.axe() == []
        page.locator("#map-draw").click()
        assert not pad.is_visible()


def test_pruned_activity_is_that_of_the_pruned_network(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-field")) as one:
        one.page.locator(".thumbnail").nth(4).click()
        before = one.page.locator(".scores").inner_text()
        slide(one.page, 60)
        assert one.page.locator(".scores").inner_text() != before
        assert "activities are those without them" in one.text("#map-info")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))


def test_many_buttons_are_one_stop_of_the_tab_key(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-field")) as one:
        page = one.page
        for group in ("#map-gallery", "#map-samples", ".confusion tbody"):
            assert page.locator(f'{group} button[tabindex="0"]').count() == 1, group
        page.locator(".neuron").first.focus()
        for key, wanted in (("ArrowRight", 1), ("End", 23), ("Home", 0), ("ArrowLeft", 0)):
            page.keyboard.press(key)
            assert f"neuron {wanted}:" in focused(page), key
        page.keyboard.press("ArrowDown")
        assert "neuron 0:" not in focused(page)
        page.keyboard.press("ArrowUp")
        assert "neuron 0:" in focused(page)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        assert page.locator("#map-neuron").input_value() == "1"
        page.locator("button.cell").first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        assert one.text("#cell-samples h3") == focused(page)


def test_mistakes_lead_to_the_map(browser: Browser, builds: dict[str, Path]) -> None:
    with opened(browser, page_of(builds, "digits-field")) as one:
        one.page.locator("button.cell").first.click()
        one.page.locator("#cell-samples button", has_text="Show in the map").first.click()
        wanted = str(one.page.locator("#cell-samples canvas").first.get_attribute("aria-label")).partition(":")[0]
        assert one.text(".sample-name").startswith(wanted)


def test_many_classes_and_too_many_weights(browser: Browser, builds: dict[str, Path], tmp_path: Path) -> None:
    network = scaled(integer_network((20, 3000, 300)))
    data = dataset(network)
    manifest = read_manifest(builds["digits-field"])
    changed = {"output": manifest.output.model_copy(update={"classes": network.classes})}
    facts = gather(network, network, data, scores(network, data.test.x))
    path = tmp_path / "report.html"
    path.write_text(html(Report(manifest.model_copy(update=changed), network, load_board("emulated-cortex-m4"), facts, "x")))
    assert path.stat().st_size < 2_000_000
    with opened(browser, path) as one:
        assert one.page.locator(".neuron").count() == 96
        one.page.locator("#map-more").click()
        assert one.page.locator(".neuron").count() == 3000
        one.page.locator("#map-layers button").nth(1).click()
        assert "too many for this page" in one.text("#map-info")
        one.page.locator(".thumbnail").nth(1).click()
        assert one.page.locator(".scores li").count() == 5


def test_replicated_layers_without_samples_on_a_phone(browser: Browser, builds: dict[str, Path], tmp_path: Path) -> None:
    network = scaled(replicated_network(layers=({}, {"prototypes": 100, "synapses": 5})))
    network = replace(network, classes=(EVIL, "</script><script>alert(3)</script>", "${alert(4)}", "javascript:alert(5)"))
    data = dataset(network)
    manifest = read_manifest(builds["digits-field"])
    layers = tuple(manifest.layers[0].model_copy(update={"name": layer.name, "kind": layer.kind}) for layer in network.layers)
    manifest = manifest.model_copy(update={"layers": layers, "output": manifest.output.model_copy(update={"classes": network.classes})})
    for pictures in (True, False):
        facts = gather(network, network, data, scores(network, data.test.x), pictures)
        path = tmp_path / f"report-{pictures}.html"
        path.write_text(html(Report(manifest, network, load_board("emulated-cortex-m4"), facts, "x")))
        with opened(browser, path, size=PHONE, has_touch=True) as one:
            for k in range(3):
                one.page.locator("#map-layers button").nth(k).tap()
                assert one.page.locator(".neuron").count() == (4, 96, 4)[k]
                if k == 1:
                    one.page.locator("#map-more").tap()
                    assert one.page.locator(".neuron").count() == 100
                one.page.locator(".neuron").last.tap()
                assert one.page.locator("#map-info h3").inner_text()
            assert one.page.locator(".answers").count() == 0
            assert one.page.locator(".neuron .label").all_inner_texts()[1] == network.classes[1][:40]
            for cell in one.page.locator("button.cell").all()[:6]:
                cell.tap()
            assert ("No samples are in this report" in one.text("#map-scores")) is not pictures
            assert one.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
            assert one.axe() == []
