"""The curves of a run: what was trained is what is drawn, frames hold the positions, and the page works in a browser."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from bench.support.browser import PHONE, opened
from devices.errors import InputError
from runtime.data.dataset import load_dataset
from train.config.files import make_config
from train.curves import charts, write_curves
from train.curves.motion import motion_data, read_frames
from train.loop.fit import fit
from train.loop.run_folder import RunFolder, frame_epochs, read_rows

FIELD = {"model": "field", "head": "dense", "hidden": (40,), "epochs": 4, "quantise": {"epochs": 2}}
SPATIAL = {"model": "spatial", "hidden": (12,), "epochs": 4, "d": 4}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    found = {}
    for name, settings in (("field", FIELD), ("spatial", SPATIAL), ("dense", {"model": "dense", "hidden": (8,), "epochs": 2})):
        found[name] = RunFolder(tmp_path_factory.mktemp("runs") / name)
        fit(make_config({"data": "digits", "frames": 3, **settings}, "test"), load_dataset("digits"), found[name])
        write_curves(found[name])
    return found


def test_frames_are_spread_over_the_epochs_in_which_positions_move(runs: dict[str, RunFolder]) -> None:
    assert frame_epochs(0, 10) == frame_epochs(1, 10) == set()
    assert frame_epochs(3, 10) == {0, 5, 10}
    assert frame_epochs(100, 3) == {0, 1, 2, 3}
    assert [epoch for epoch, _ in read_frames(runs["field"])] == [0, 2, 4]


def test_frames_change_nothing_in_the_network(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    plain = RunFolder(tmp_path / "plain")
    fit(make_config({"data": "digits", **SPATIAL}, "test"), load_dataset("digits"), plain)
    assert plain.network.read_bytes() == runs["spatial"].network.read_bytes()
    assert plain.frames() == []


def test_curves_are_those_of_the_metrics_and_the_same_every_time(runs: dict[str, RunFolder]) -> None:
    folder = runs["field"]
    rows = read_rows(folder.metrics)[0]
    found = charts(rows)["accuracy"]
    assert found is not None
    assert [trace.name for trace in found.traces] == ["float phase", "quantised phase"]
    texts = [mark.text for trace in found.traces for mark in trace.marks]
    assert texts == [f"epoch {row['epoch']}: {row['validation_accuracy']:.4f}" for row in rows]
    before = [path.read_bytes() for path in write_curves(folder)]
    assert before == [path.read_bytes() for path in write_curves(folder)]
    assert (folder.path / "curves.svg").read_text().startswith("<svg")


def test_motion_holds_the_rectangles_of_every_frame(runs: dict[str, RunFolder]) -> None:
    frames = read_frames(runs["field"])
    data = motion_data(frames, {})
    assert data is not None
    values = np.frombuffer(base64.b64decode(data["values"]), "<i2").reshape(3, data["neurons"], data["synapses"], 5)
    assert (data["neurons"], data["of"]) == (36, 40)
    for k, (_, network) in enumerate(frames):
        a = network.layers[0].arrays
        assert np.abs(values[k, ..., :2] / data["fine"] - (a["position"] - a["reach"])[:36]).max() <= 0.5 / data["fine"] + 1e-4
        assert (np.sign(values[k, ..., 4]) == np.sign(np.rint(a["charge"][:36] / np.abs(a["charge"][:36]).max() * 1000))).all()
    assert not np.array_equal(values[0], values[-1])


def test_networks_without_positions_say_so(runs: dict[str, RunFolder]) -> None:
    assert motion_data(read_frames(runs["dense"]), {}) is None
    assert "No frames were kept" in (runs["dense"].path / "curves.html").read_text()


def test_what_was_not_measured_is_said_to_be_missing(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(runs["dense"].path, folder.path)
    rows = [{**row, "validation_accuracy": None} for row in read_rows(folder.metrics)[0]]
    folder.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"epoch": 3, "ph')
    folder.network.unlink()
    text = write_curves(folder)[0].read_text()
    assert "Not measured: this run trained on the validation samples too" in text
    assert "not finished" in text
    assert "2 epochs" in text


def test_foreign_and_empty_folders_are_refused(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a training run"):
        write_curves(RunFolder(tmp_path))
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(runs["dense"].path, folder.path)
    folder.metrics.write_text("")
    with pytest.raises(InputError, match="no finished epoch"):
        write_curves(folder)
    folder.metrics.write_text('{"epoch": 1}\n' * 2)
    with pytest.raises(InputError, match="line 1 of .* is damaged"):
        write_curves(folder)


@pytest.mark.parametrize("name", ["field", "spatial", "dense"])
def test_page_in_a_browser(browser: Browser, runs: dict[str, RunFolder], name: str) -> None:
    path = runs[name].path / "curves.html"
    assert path.stat().st_size < 2_000_000
    for scheme in ("light", "dark"):
        with opened(browser, path, scheme, PHONE) as one:
            assert one.axe() == []
            assert one.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    if name == "dense":
        return
    with opened(browser, path) as one:
        page, stage = one.page, one.page.locator("#motion-stage")
        pictures = set()
        for k in range(3):
            page.locator("#frame").evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", k)
            pictures.add(stage.evaluate("c => c.toDataURL()"))
            assert re.match(rf"{2 * k}\b", one.text("#frame-text"))
        assert len(pictures) == 3
        page.locator("#play").click()
        expect(page.locator("#play")).to_have_text("Play")
        assert page.locator("#frame").input_value() == "2"
        page.locator("#frame").evaluate("s => { s.value = 0; s.dispatchEvent(new Event('input')); }")
        page.locator("#play").click()
        assert page.locator("#play").inner_text() == "Pause"
        page.locator("#play").click()
        assert page.locator("#play").inner_text() == "Play"
