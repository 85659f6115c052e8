"""Commands that tests run in this process print and end exactly as they do in a process of their own."""

from __future__ import annotations

import pytest

from tests.support.builds import Zoo
from tests.support.commands import run, run_process

LINES = (
    "devices list",
    "devices show nothing",
    "runtime",
    "runtime --help",
    "runtime run {build} --backend c --accuracy --json",
    "runtime run {build} --backend onnx",
    "runtime run nowhere",
    "compile zoo:digits-spatal",
    "compile --nonsense",
    "compile zoo:digits-field --store dens_s8 --out {build}",
    "train zoo",
    "train fit --epochs 0",
    "train fit --hiden 5",
)


@pytest.mark.parametrize("line", LINES)
def test_in_process_is_as_a_process(line: str, zoo: Zoo) -> None:
    words = line.format(build=zoo.build("digits-field")).split()
    assert run(words[0], *words[1:]) == run_process(words[0], *words[1:])


def test_the_environment_is_the_commands_alone() -> None:
    narrow = run("devices", "list", COLUMNS="40")
    assert narrow == run_process("devices", "list", COLUMNS="40")
    assert run("devices", "list") == run("devices", "list", COLUMNS="")
