"""Files and folders written whole: many writers at once, links, full disks, killed processes; and the lock of a folder."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.common import remains
from devices.common.cache import cached_folder
from devices.common.files import write_whole
from devices.common.lock import locked
from devices.common.temporary import PREFIX, temporary_folder
from devices.errors import InputError

GONE = 2**22 + 1  # more than the number of any process of Linux
DAY_S = 24 * 3600


def named(output: Path, pid: int, host: str | None = None, kind: str = "part") -> Path:
    """A name as another process would give it."""
    host = host or remains.maker().partition("-")[2]
    return output.with_name(f".{output.name}.{pid}-{host}-{'0' * 16}.{kind}")


def test_three_hundred_writers_of_one_file_all_succeed(tmp_path: Path) -> None:
    path, contents = tmp_path / "file", [bytes([k % 256]) * (1000 + k) for k in range(300)]
    with ThreadPoolExecutor(60) as pool:
        list(pool.map(lambda content: write_whole(path, content), contents))
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


def test_writers_in_several_processes_all_succeed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from devices.common.files import write_whole\n"
        "for _ in range(75): write_whole(Path(sys.argv[1]), sys.argv[2].encode() * 1000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "file"), letter]) for letter in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert (tmp_path / "file").read_bytes() in [letter.encode() * 1000 for letter in "abcd"]
    assert os.listdir(tmp_path) == ["file"]


def test_no_link_is_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "file.part").symlink_to(victim)
    (tmp_path / "file").symlink_to(victim)
    write_whole(tmp_path / "file", b"new")
    assert victim.read_text() == "mine"
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "file").is_symlink()


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device: .*file'"):
            write_whole(path, b"new")
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            with pytest.raises(OSError, match="File too large: .*file'"):
                write_whole(path, b"new" * 10_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_next_write_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old = time.time() - DAY_S - 60
    dead, here, elsewhere, aged = named(path, GONE), named(path, os.getpid()), named(path, GONE, "0123abcd"), named(path, GONE, "4567abcd")
    other, foreign, link = named(tmp_path / "other", GONE), tmp_path / f".file.{GONE}.part", named(path, GONE + 1)
    for one in (dead, here, elsewhere, aged, other, foreign):
        one.write_text("half")
    link.symlink_to(foreign)
    os.utime(aged, (old, old))
    write_whole(path, b"new")
    assert {one.name for one in tmp_path.iterdir()} == {one.name for one in (path, here, elsewhere, other, foreign, link)}


def test_a_killed_writer_is_cleaned_up_after(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from devices.common import files\n"
        "files.os.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        "files.write_whole(Path(sys.argv[1]), b'half')"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "file")], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    assert remains.is_part(left.name)
    write_whole(tmp_path / "file", b"whole")
    assert os.listdir(tmp_path) == ["file"]


def test_names_as_long_as_names_can_be(tmp_path: Path) -> None:
    for name in ("x" * 255, "ü" * 127):
        write_whole(tmp_path / name, b"content")
    assert len(os.listdir(tmp_path)) == 2


def test_temporary_folders_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    host = remains.maker().partition("-")[2]
    dead, alive, foreign = (tmp_path / f"{PREFIX}-{name}" for name in (f"{GONE}-{host}-abc_12", f"{os.getpid()}-{host}-abc", "project"))
    for one in (dead, alive, foreign):
        (one / "inside").mkdir(parents=True)
    with temporary_folder() as name:
        assert {one.name for one in tmp_path.iterdir()} == {alive.name, foreign.name, Path(name).name}
    assert {one.name for one in tmp_path.iterdir()} == {alive.name, foreign.name}


def test_the_cache_keeps_whole_folders_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARWIRE_CACHE", str(tmp_path))
    named(tmp_path / "made", GONE).mkdir()

    def fail(place: Path) -> None:
        (place / "half").touch()
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        cached_folder("made", fail)
    assert os.listdir(tmp_path) == []
    assert cached_folder("made", lambda place: (place / "whole").touch()) == tmp_path / "made"
    assert os.listdir(tmp_path) == ["made"]


def test_one_writer_at_a_time_and_the_next_one_is_named_the_first(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with locked(lock, "the run"), pytest.raises(InputError, match=f"process {os.getpid()} is writing the run"), locked(lock, "the run"):
        pass
    assert os.listdir(tmp_path) == []
    with locked(lock, "the run"):
        pass


def test_a_lock_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from devices.common.lock import locked\nwith locked(Path(sys.argv[1]), 'x'): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / ".lock")], check=False).returncode == -9
    assert os.listdir(tmp_path) == [".lock"]
    with locked(tmp_path / ".lock", "the run"):
        pass
    assert os.listdir(tmp_path) == []


def test_threads_that_fight_for_a_lock_never_both_have_it(tmp_path: Path) -> None:
    inside: list[int] = []

    def fight(k: int) -> int:
        try:
            with locked(tmp_path / ".lock", "the run"):
                inside.append(k)
                assert len(inside) == 1
                inside.remove(k)
        except InputError:
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(fight, range(2000))) >= 1
    assert os.listdir(tmp_path) == []
