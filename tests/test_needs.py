"""A test whose component is missing is skipped and says why; in CI it fails and says what to install. Nothing passes without what it tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.support import browser
from devices.boards.board import load_board
from devices.links import qemu
from runtime.backends import backend
from tests.support import sshd
from tests.support.needs import needs, needs_data, needs_program, needs_records

MISSING = "qemu-system-none is not installed. Run: apt install nothing"
SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception


def outcome(step: Callable[[], object]) -> tuple[str, str]:
    """How a test ends that begins with this step."""
    try:
        step()
    except SKIPPED as end:
        return "skipped", str(end)
    except FAILED as end:
        return "failed", str(end)
    return "goes on", ""


@pytest.fixture(params=[True, False], ids=["CI", "elsewhere"])
def ends(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How a test ends here for which something is missing."""
    if request.param:
        monkeypatch.setenv("CI", "true")
        return "failed"
    monkeypatch.delenv("CI", raising=False)
    return "skipped"


def test_the_first_reason_decides_and_is_told(ends: str) -> None:
    assert outcome(lambda: needs(None, None)) == ("goes on", "")
    how, why = outcome(lambda: needs(None, MISSING, "another"))
    assert how == ends
    assert MISSING in why


def test_a_program(ends: str) -> None:
    assert needs_program("sh", "dash").endswith("/sh")
    how, why = outcome(lambda: needs_program("no-such-program", "its-package"))
    assert how == ends
    assert "no-such-program is not installed. Run: apt install its-package" in why


def test_a_data_set(ends: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(lambda: needs_data("digits")) == ("goes on", "")
    monkeypatch.setenv("NEARWIRE_DATA", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    how, why = outcome(lambda: needs_data("mnist"))
    assert how == ends
    assert "the data set 'mnist' is not here" in why


def test_a_record_of_every_backend(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(lambda: needs_records({"c": 1, "firmware": 2})) == ("goes on", "")
    monkeypatch.setattr(type(backend("firmware")), "missing", lambda _: MISSING)
    how, why = outcome(lambda: needs_records({"c": 1, "firmware": None}))
    assert how == ends
    assert MISSING in why


def test_what_debian_brings_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr(sshd, "SSHD", None)
    assert "apt install openssh-server" in str(sshd.missing())
    assert "apt install chromium" in str(browser.missing())
    assert "apt install qemu-system-arm" in str(qemu.missing(load_board("qemu-mps2-an386")))
    assert "apt install qemu-system-misc" in str(qemu.missing(load_board("qemu-riscv32-virt")))
