"""The README's pictures of reports, drawn again: nearwire bench pictures [FILE ...]

Networks of the zoo are compiled into a temporary folder, their reports opened in the system's Chromium, and parts of them written to docs/ as
PNG. Nothing is measured here that the builds do not measure themselves.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.support.browser import chromium_path, missing
from bench.support.figures import stamp
from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from runtime.zoo import resolve

FOLDER = Path("docs")
WIDTH = 1160


@dataclass(frozen=True)
class Shot:
    """A part of a network's report. ``clicks``: what is chosen first, (selector, which of those it finds)."""

    file: str
    network: str
    selector: str
    clicks: tuple[tuple[str, int], ...] = ()
    height: int | None = None  # of the part that is kept, from its top


SHOTS = (
    Shot("map-field.png", "mnist-2k", "#map-body", ((".thumbnail", 7), (".neuron", 4)), 860),
    Shot("map-space.png", "mnist-spatial", "#map-body", ((".thumbnail", 5),), 690),
    Shot("spikes.png", "mnist-snn", "#spikes-body", ((".thumbnail", 19),), 905),
)


def source(shot: Shot) -> str:
    """What the picture carries to say which network it shows."""
    return f"{shot.network} {hashlib.sha256(resolve(f'zoo:{shot.network}').read_bytes()).hexdigest()[:16]}"


def take(browser: Browser, shot: Shot, page_file: Path, out: Path) -> None:
    """Open the report, choose, and write the picture."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 2400}, color_scheme="light")
    page.goto(page_file.resolve().as_uri())
    page.locator(".top").evaluate("top => { top.style.position = 'static'; }")  # it would lie over the part
    for selector, k in shot.clicks:
        page.locator(selector).nth(k).click()
    box = page.locator(shot.selector).bounding_box()
    if box is None:
        raise SystemExit(f"the report of '{shot.network}' has no part '{shot.selector}'")
    y = box["y"] + page.evaluate("scrollY")
    clip = {"x": max(box["x"] - 12, 0), "y": y, "width": box["width"] + 24, "height": min(box["height"], shot.height or box["height"])}
    page.screenshot(path=out, clip=clip, full_page=True)  # type: ignore[arg-type]
    page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"those to draw: {', '.join(shot.file for shot in SHOTS)} (default: all)")
    files = parser.parse_args().files
    shots = [shot for shot in SHOTS if not files or shot.file in files]
    if reason := missing():
        sys.exit(f"error: {reason}")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as library:
        builds = Path(name)
        for network in sorted({shot.network for shot in shots}):
            compile_network(resolve(f"zoo:{network}"), builds / network, CompileOptions())
        browser = library.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        for shot in shots:
            take(browser, shot, builds / shot.network / "report.html", FOLDER / shot.file)
            stamp(FOLDER / shot.file, source(shot))
            print(FOLDER / shot.file, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
