"""Compilers: the right one is found, its absence and its errors are one clear sentence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from devices.boards.board import Toolchain, load_board
from devices.errors import NearwireError
from devices.tools import toolchain
from tests.support.needs import needs

HOST = Toolchain(compiler="host")


def no_compilers(monkeypatch: pytest.MonkeyPatch, zig: bool = False) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain.shutil, "which", lambda name: None)
    if not zig:
        monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)


def test_no_compiler_at_all_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compilers(monkeypatch)
    reason = toolchain.missing(HOST)
    assert reason
    assert "pip install ziglang" in reason
    with pytest.raises(NearwireError, match="pip install ziglang"):
        toolchain.compiler_for(HOST)
    with pytest.raises(NearwireError, match="pip install ziglang"):
        toolchain.compiler_for(load_board("emulated-cortex-m4").toolchain)


def test_zig_is_the_host_compiler_of_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    needs(None if importlib.util.find_spec("ziglang") else "ziglang is not installed")
    no_compilers(monkeypatch, zig=True)
    compiler = toolchain.compiler_for(HOST)
    assert "ziglang" in compiler.command
    assert compiler.detail.startswith("zig ")


def test_cc_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O1")
    assert toolchain.missing(HOST)
    monkeypatch.delenv("CC")
    needs(toolchain.missing(HOST))
    name = toolchain.compiler_for(HOST).command[0]
    monkeypatch.setenv("CC", f"{name} -DX=1")
    if name in toolchain.HOST_COMPILERS:
        assert toolchain.compiler_for(HOST).command == (name, "-DX=1")


def test_the_first_error_line_is_shown(tmp_path: Path) -> None:
    needs(toolchain.missing(HOST))
    (tmp_path / "bad.c").write_text("int main(void) { return nonsense; }\n")
    with pytest.raises(NearwireError, match=r"could not compile the demo: .*error.*nonsense"):
        toolchain.compiler_for(HOST).run(["-o", tmp_path / "bad", tmp_path / "bad.c"], "the demo")


def test_a_command_that_cannot_run_is_an_error() -> None:
    with pytest.raises(NearwireError, match="could not be run for it"):
        toolchain.Compiler(("/nonexistent/compiler",), "x").run([], "it")
