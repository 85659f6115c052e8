"""The page runs the network itself: its integers are those of the reference, for every kind of layer, also with synapses left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

from bench.support.browser import opened
from bench.support.networks import box_network, float_network, integer_network, replicated_network
from compile.kinds import lowering_of
from compile.passes.freeze import freeze
from compile.passes.quantise import quantise
from compile.report import Report, html
from compile.report.facts import gather
from compile.report.planes import turned
from compile.report.shapes import threshold
from devices.boards.board import load_board
from runtime.builds.manifest import Manifest
from runtime.network.network import Network
from runtime.network.reference import scores, trace
from tests.support.builds import Zoo
from tests.support.reports import dataset, fitted, scaled

BOARD = load_board("emulated-cortex-m4")
SHARES = (0, 30, 80)


def networks() -> dict[str, Network]:
    """A network of every kind of layer, with cut inputs, a zero point, several channels, both poolings."""
    spatial = freeze(float_network((64, 30, 12, 5), "spatial", seed=4))
    gaussian = float_network((784, 8, 3), "field", seed=5, shape=(28, 28))
    layer = gaussian.layers[0]
    arrays = {**layer.arrays, "reach": layer.arrays["reach"][..., :1]}
    gaussian = gaussian.with_layers((layer.with_options(rule="gaussian").with_arrays(**arrays), gaussian.layers[1]))
    rng = np.random.default_rng(0)
    two = replicated_network(layers=({"prototypes": 5}, {"prototypes": 6, "kernel": (2, 2), "padding": (0, 0), "pool": (1, 1)}), cut=3)
    mean = replicated_network(layers=({"pool": (2, 4)},), channels=2)
    middle = freeze(float_network((64, 20, 6), "spatial", seed=6, shape=(8, 8)))
    head, front = float_network((6, 4), seed=7), float_network((64, 64), seed=8)
    first = front.layers[0].with_options()
    after = middle.with_layers((*(replace(each, activation="relu") for each in middle.layers), replace(head.layers[0], name="head")))
    before = middle.with_layers((replace(first, name="front", activation="relu"), middle.layers[0], middle.layers[1]))
    calibration = rng.integers(0, 256, (50, 64)).astype(np.uint8)
    return {
        "spatial, then dense": quantise(replace(after, classes=head.classes), calibration),
        "dense, then spatial": quantise(before, calibration),
        "dense with a zero point": scaled(integer_network((20, 12, 4), zero_point=77)),
        "boxes with a zero point": scaled(signed(box_network((7, 8)), 128)),
        "replicated with a zero point": scaled(signed(replicated_network(), 100)),
        "boxes, channels last": scaled(signed(box_network((6, 5), channels=3, order="last"), 9)),
        "replicated, channels last": scaled(replicated_network(channels=3, order="last")),
        "boxes, cut": scaled(box_network(cut=4, middle=9)),
        "replicated": scaled(two),
        "replicated, mean": scaled(mean.with_layers((mean.layers[0].with_options(pooling="average"), mean.layers[1]))),
        "spatial": quantise(spatial, rng.integers(0, 256, (50, 64)).astype(np.uint8)),
        "gaussian": quantise(freeze(gaussian), rng.integers(0, 256, (50, 784)).astype(np.uint8)),
    }


def signed(network: Network, zero_point: int) -> Network:
    return replace(network, input=replace(network.input, zero_point=zero_point))


@pytest.fixture(scope="module")
def manifest(zoo: Zoo) -> Manifest:
    return zoo.manifest("digits-field")


@pytest.mark.parametrize("name", list(networks()))
def test_page_computes_what_the_reference_computes(browser: Browser, manifest: Manifest, tmp_path: Path, name: str) -> None:
    network = networks()[name]
    data = dataset(network)
    facts = gather(network, network, data, scores(network, data.test.x))
    path = tmp_path / "report.html"
    path.write_text(html(Report(fitted(manifest, network), network, BOARD, facts, "x")))
    values = data.test.x[:8]
    shown = np.stack([turned(network, replace(facts, samples=(replace(facts.samples[0], values=one),)))[1].samples[0].values for one in values])
    with opened(browser, path) as one:
        assert one.page.evaluate("nearwire.live && nearwire.disagreeing.length === 0")
        for share in SHARES if name != "dense, then spatial" else (0,):  # the page goes by weights there, the curve by distances
            found: list[dict[str, Any]] = one.page.evaluate(
                "([x, share]) => x.map((v) => { const r = nearwire.law.run(Uint8Array.from(v), share); return { scores: r.scores, activity: r.activity.map((a) => [...a]) }; })",
                [shown.tolist(), share],
            )
            layers = tuple(
                lowering_of(one).without_weak(one, threshold(np.sort(lowering_of(one).strengths(one)), share / 100)) if share else one
                for one in network.layers
            )
            wanted = trace(network.with_layers(layers), values)
            for k, row in enumerate(found):
                assert row["scores"] == wanted[-1][k].tolist(), share
                assert row["activity"] == [part[k].tolist() for part in wanted[:-1]], share
        for button in one.page.locator("#map-layers button").all():
            button.click()
            assert button.get_attribute("aria-pressed") == "true"


def test_another_arithmetic_is_noticed(browser: Browser, manifest: Manifest, tmp_path: Path) -> None:
    network = networks()["boxes, cut"]
    data = dataset(network)
    facts = gather(network, network, data, scores(network, data.test.x))
    other = network.with_layers(
        (network.layers[0], network.layers[1], network.layers[2].with_arrays(bias=network.layers[2].arrays["bias"] + np.int32(1)))
    )
    path = tmp_path / "report.html"
    path.write_text(html(Report(fitted(manifest, network), other, BOARD, facts, "x")))
    with opened(browser, path) as one:
        assert "computes other numbers than the reference" in one.text("#map-scores")
