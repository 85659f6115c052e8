"""The place of a build: what is replaced, what is refused, and what a killed compile leaves."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compile.pipeline import artifact
from compile.pipeline.artifact import check_place, replacing
from devices.errors import InputError
from runtime.builds.checked import open_build
from tests.support.builds import Zoo
from tests.support.needs import needs_program

GONE = 2**22 + 1  # more than the number of any process of Linux


@pytest.fixture
def build(zoo: Zoo, tmp_path: Path) -> Path:
    """A build of one's own, in a folder of its own."""
    return Path(shutil.copytree(zoo.build("digits-field"), tmp_path / "builds" / "digits"))


def replace(out: Path) -> None:
    with replacing(out) as work:
        (work / "new").write_text("new")


def test_an_older_build_is_replaced(build: Path) -> None:
    replace(build)
    assert [path.name for path in build.iterdir()] == ["new"]
    assert [path.name for path in build.parent.iterdir()] == ["digits"]


def test_without_a_swap_in_one_step_it_is_replaced_too(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact, "_exchange", lambda one, other: False)
    replace(build)
    assert [path.name for path in build.iterdir()] == ["new"]
    assert [path.name for path in build.parent.iterdir()] == ["digits"]


@given(name=st.sampled_from(["NOTES.txt", "c/NOTES.txt", "c/outer/x", "c/out.txt", "model.onnx.bak", ".git/config", "packages/x/y.c", "c/model.h~"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_a_file_of_the_users_keeps_the_folder(name: str, build: Path) -> None:
    path = build / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(InputError, match=f"{re.escape(name)}' is not of the build in .*, so the folder is not replaced"):
        replace(build)
    assert path.read_text() == "mine"
    path.unlink()
    check_place(build)


@pytest.mark.parametrize("name", ["link", "c/out/link", "c/model.c", "manifest.json"])
def test_a_link_keeps_the_folder_and_is_not_followed(name: str, build: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("years of work")
    path = build / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match="is not of the build in|not a build of ours"):
        replace(build)
    assert (tmp_path / "mine" / "thesis").read_text() == "years of work"
    assert path.is_symlink()


def test_pipes_are_refused_and_not_opened(build: Path) -> None:
    os.mkfifo(build / "pipe")
    with pytest.raises(InputError, match="pipe', which is no plain file, is not of the build"):
        replace(build)


@pytest.mark.parametrize("name", [".", "..", "/"])
def test_places_that_cannot_be_renamed_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="Give a folder by its name"):
        check_place(Path(name))


def test_what_make_makes_goes_into_one_folder_which_is_no_part_of_the_build(build: Path) -> None:
    make = needs_program("make", "make")
    needs_program("cc", "gcc")
    before = set(build.rglob("*"))
    for target in ("all", "test", "size"):
        subprocess.run([make, "-s", "-C", build / "c", target], check=True, capture_output=True)
    made = set(build.rglob("*")) - before
    assert made
    assert all(path.relative_to(build).as_posix().startswith("c/out") for path in made)
    open_build(build)
    subprocess.run([make, "-s", "-C", build / "c", "clean"], check=True, capture_output=True)
    assert set(build.rglob("*")) == before
    (build / "c" / "nearwire_demo").touch()  # of a Makefile of before there was that folder
    subprocess.run([make, "-s", "-C", build / "c"], check=True, capture_output=True)
    replace(build)


def test_a_damaged_build_can_be_replaced(build: Path) -> None:
    (build / "model.onnx").write_bytes(b"damaged")
    (build / "model.tflite").unlink()
    replace(build)


def test_a_folder_with_a_damaged_manifest_is_left_alone(build: Path) -> None:
    for content in (
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"network_sha256": 1, "tool_version": 1}',
        b'{"network_sha256": 1, "tool_version": 1, "files": []}',
    ):
        (build / "manifest.json").write_bytes(content)
        with pytest.raises(InputError, match="not a build of ours"):
            replace(build)


def test_a_full_disk_leaves_the_old_build(build: Path) -> None:
    def full() -> None:
        with replacing(build) as work:
            (work / "half").write_text("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=f"No space left on device: '{build}'"):
        full()
    assert [path.name for path in build.parent.iterdir()] == ["digits"]
    open_build(build)


def test_two_compiles_of_one_place(build: Path) -> None:
    with pytest.raises(InputError, match=f"process {os.getpid()} is writing the build '{build}'"), replacing(build):
        replace(build)
    assert [path.name for path in build.parent.iterdir()] == ["digits"]
    open_build(build)


def test_what_comes_into_the_folder_meanwhile_is_kept(build: Path) -> None:
    with pytest.raises(InputError, match="NOTES.txt' is not of the build"), replacing(build):
        (build / "NOTES.txt").write_text("mine")
    assert (build / "NOTES.txt").read_text() == "mine"
    assert [path.name for path in build.parent.iterdir()] == ["digits"]


KILLED = """
import os, sys
from pathlib import Path
from compile.pipeline import artifact
out, where = Path(sys.argv[1]), sys.argv[2]
def die(*_):
    os.kill(os.getpid(), 9)
if where in ("flush", "swap"):
    setattr(artifact, f"_{where}", die)
elif where == "remove":  # behind the swap
    artifact.remove = die
elif where == "between":  # the two renames of a system without a swap in one step
    artifact._exchange = lambda *_: False
    rename, done = Path.rename, []
    def once(self, target):
        die() if done else done.append(rename(self, target))
    Path.rename = once
with artifact.replacing(out) as work:
    (work / "manifest.json").write_bytes((out / "manifest.json").read_bytes())
    if where == "inside":
        die()
"""


@pytest.mark.parametrize("where", ["inside", "flush", "swap", "between", "remove"])
def test_a_killed_compile_loses_nothing_and_the_next_one_cleans_up(where: str, build: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(build), where], check=False)
    assert killed.returncode == -9
    assert len(list(build.parent.iterdir())) > 1
    with pytest.raises(InputError, match="stop"), replacing(build):  # the next one fails, and cleans up all the same
        raise InputError("stop")
    assert [path.name for path in build.parent.iterdir()] == ["digits"]
    if where == "remove":
        assert [path.name for path in build.iterdir()] == ["manifest.json"]
    else:
        open_build(build)
