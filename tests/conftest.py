"""What all tests share: builds of the zoo, compiled C, a browser, and a state folder, so that none reads or writes the user's; and the processor,
if several processes run the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devices.common.state import VARIABLE
from devices.tools.toolchain import Compiler
from tests.support.compiled import Objects, Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.builds import Zoo

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # of torch and numpy


def pytest_configure(config: pytest.Config) -> None:
    """Workers share the cores, so that their threads do not wait for each other's; they inherit these variables."""
    workers = config.getoption("numprocesses", None)
    if isinstance(workers, int) and workers > 1:
        for name in THREADS:
            os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // workers)))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of the session have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if os.environ.get("PYTEST_XDIST_WORKER") else folder


@pytest.fixture(scope="session", autouse=True)
def own_state(shared_folder: Path) -> Iterator[None]:
    """The digests of the builds that tests make, which therefore run without --trust."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(shared_folder / "state"))
        yield


@pytest.fixture(scope="session")
def plain_compiler() -> Run:
    """How a compiler runs in the product."""
    return Compiler.run


@pytest.fixture(scope="session", autouse=True)
def compiled_once(shared_folder: Path, plain_compiler: Run) -> Iterator[None]:
    """C that was compiled before is not compiled again."""
    folder = shared_folder / "objects"
    folder.mkdir(exist_ok=True)
    objects = Objects(folder, plain_compiler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "run", lambda compiler, arguments, what: objects.run(compiler, arguments, what))
        yield


@pytest.fixture(scope="session")
def zoo(shared_folder: Path) -> Zoo:
    """Builds of the zoo's networks, each made when a test first asks for it."""
    from tests.support.builds import Zoo

    folder = shared_folder / "zoo"
    folder.mkdir(exist_ok=True)
    return Zoo(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from bench.support.browser import missing, started
    from tests.support.needs import needs

    needs(missing())
    with started() as running:
        yield running
