"""A headless Chromium for tests of pages: offline, every console message, page error and request on record.

Chromium comes from the system (Debian: apt install chromium), not from the library.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP, PHONE = (1200, 900), (360, 740)


@dataclass
class Opened:
    """A page in the browser, and what went wrong in it."""

    page: Page
    address: str
    problems: list[str] = field(default_factory=list)

    def axe(self) -> list[str]:
        """The serious and critical findings of axe-core, one line each."""
        violations = Axe().run(self.page).response["violations"]
        lines = []
        for violation in violations:
            if violation["impact"] in ("serious", "critical"):
                lines += [f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}" for node in violation["nodes"]]
        return lines

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()


def chromium_path() -> str | None:
    """The system's browser, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def missing() -> str | None:
    """None if a browser is there; otherwise the command that installs it."""
    return None if chromium_path() else f"no browser: none of {', '.join(NAMES)} is installed. Run: apt install chromium"


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as library:
        browser = library.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, path: Path, scheme: str = "light", size: tuple[int, int] = DESKTOP, **more: Any) -> Iterator[Opened]:
    """The file at ``path`` in a fresh offline context; at the end the page must have had no problem and asked for nothing."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": size[0], "height": size[1]}, offline=True, **more)  # type: ignore[arg-type]
    page = context.new_page()
    view = Opened(page, path.resolve().as_uri())
    page.on("console", lambda message: view.problems.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: view.problems.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (view.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: None if _inside(request.url, view.address) else view.problems.append(f"request: {request.url}"))
    page.goto(view.address)
    try:
        yield view
        assert view.problems == [], view.problems
    finally:
        context.close()


def _inside(url: str, address: str) -> bool:
    return url.partition("#")[0] == address or url.startswith("data:")
