"""Compilers: the right one is found, its absence and its errors are one clear sentence."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path

import pytest

from devices.boards.board import Toolchain, load_board
from devices.common.cache import cache_folder
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


@pytest.mark.parametrize("toolchain_of", [HOST, Toolchain(compiler="zig"), load_board("emulated-cortex-m4").toolchain])
def test_the_undefined_symbol_is_shown(tmp_path: Path, toolchain_of: Toolchain) -> None:
    needs(toolchain.missing(toolchain_of))
    (tmp_path / "bad.c").write_text("int nowhere(void);\nint main(void) { return nowhere(); }\n")
    with pytest.raises(NearwireError, match=r"could not compile the demo: .*undefined (reference|symbol).*nowhere"):
        toolchain.compiler_for(toolchain_of).run(["-o", tmp_path / "bad", tmp_path / "bad.c"], "the demo")


def test_a_linker_that_only_says_that_it_failed() -> None:
    text = "/usr/bin/ld: main.o: in function `main':\nmain.c:(.text+0x9): undefined reference to `f\x1b[31m'\ncollect2: error: ld returned 1 exit status\n"
    assert toolchain._first_error(text) == "main.c:(.text+0x9): undefined reference to `f\\x1b[31m'"
    assert toolchain._first_error("collect2: error: ld returned 1 exit status\n") == "collect2: error: ld returned 1 exit status"
    assert toolchain._first_error("what\n") == "what"
    assert toolchain._first_error("") == "it said nothing"


@pytest.mark.parametrize("home", ["file", "closed", None])
def test_zig_works_without_a_home_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    needs(None if importlib.util.find_spec("ziglang") else "ziglang is not installed")
    (tmp_path / "file").touch()
    for name in ("XDG_CACHE_HOME", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.setenv("NEARWIRE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "is_usable", lambda folder: home is None)  # the tests may run as root, to whom no folder is closed
    (tmp_path / "good.c").write_text(f"int f(void) {{ return 1; }} /* {tmp_path}: compiled anew */\n")
    zig = toolchain.compiler_for(load_board("emulated-cortex-m4").toolchain)
    zig.run(["-c", "-o", tmp_path / "good.o", tmp_path / "good.c"], "the demo")
    assert (tmp_path / "cache" / "zig").is_dir()
    assert toolchain._environment(("gcc",)) is None


def test_the_cache_falls_back_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setenv("NEARWIRE_CACHE", str(tmp_path / "file" / "cache"))
    place = temporary / f"nearwire-cache-{os.getuid()}"
    assert cache_folder() == cache_folder() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert capsys.readouterr().err.count("cannot be written") == 1
    place.chmod(0o777)  # anybody may have put anything there
    monkeypatch.setenv("NEARWIRE_CACHE", str(tmp_path / "file" / "other"))
    with pytest.raises(NearwireError, match="Set NEARWIRE_CACHE to a folder that can"):
        cache_folder()
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(NearwireError, match="Set NEARWIRE_CACHE to a folder that can"):
        cache_folder()
