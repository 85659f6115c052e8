"""Boards behind SSH, against a real OpenSSH server: what works, and one clear error for everything that does not."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices import __main__ as command
from devices.boards.board import load_board, own_folder
from devices.commands.add import add_board
from devices.commands.doctor import examine
from devices.common.conditions import CPU, FILES, Conditions
from devices.computers import boards_of, open_computer, ssh
from devices.computers.base import digest_of, tar_of, target_of
from devices.computers.remote_conditions import conditions_of
from devices.computers.wheels import examine as examine_wheels
from devices.errors import InputError, NearwireError
from tests.support import sshd
from tests.support.needs import needs
from tests.support.sshd import Server, keygen


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    needs(sshd.missing())
    with sshd.server(tmp_path_factory.mktemp("sshd")) as found:
        yield found


def gone(folder: Path) -> bool:
    """Whether the far side removes the folder by itself."""
    end = time.monotonic() + 10
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not folder.exists()


def test_programs_files_and_quoting(server: Server, tmp_path: Path) -> None:
    with open_computer(server.board()) as computer:
        folder = Path(computer.folder)  # the far side is this computer
        assert folder.is_dir()
        nasty = "a b'c\"; touch /tmp/nearwire-was-here $(id) `id` *"
        done = computer.run(["printf", "%s|", nasty, ""])
        assert (done.code, done.out.decode()) == (0, f"{nasty}||")
        assert not Path("/tmp/nearwire-was-here").exists()
        done = computer.run(["sh", "-c", "cat; echo wrong >&2; exit 7"], b"\x00\xff" * 300_000)
        assert (done.code, len(done.out), done.err) == (7, 600_000, b"wrong\n")
        with pytest.raises(NearwireError, match="'loopback': a test failed with status 7: wrong"):
            done.check("a test", computer.name)
        path = computer.put("pro gram", b"#!/bin/sh\npwd\n", executable=True)
        assert computer.run([path]).out.decode().strip() == str(folder)
        (tmp_path / "x").write_bytes(b"content")
        place = computer.put_tree("tree", tar_of([("sub/x", tmp_path / "x")]))
        assert (Path(place) / "sub" / "x").read_bytes() == b"content"
        assert computer.python() == (sys.executable,)
        assert target_of(computer)
        assert computer.conditions().cpus
        assert computer.instructions(["true"]) is None
    assert not folder.exists()


def test_the_host_key_is_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for known in ("empty", "absent"):
        with pytest.raises(NearwireError, match=r"its host key is not in .* Connect once with: ssh -p \d+ 127.0.0.1"):
            open_computer(server.board(known_hosts=str(tmp_path / known)))
    other = " ".join(keygen(tmp_path / "other").with_suffix(".pub").read_text().split()[:2])
    (tmp_path / "changed").write_text(f"[127.0.0.1]:{server.port} {other}\n")
    with pytest.raises(NearwireError, match=r"its host key is not the one in .* ssh-keygen -R '\[127.0.0.1\]:"):
        open_computer(server.board(known_hosts=str(tmp_path / "changed")))


def test_a_wrong_key_an_absent_one_and_nobody_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(NearwireError, match="refuses user .* ssh-copy-id -p"):
        open_computer(server.board(identity_file=str(keygen(tmp_path / "foreign"))))
    with pytest.raises(InputError, match="no private key '.*/nothing'"):
        open_computer(server.board(identity_file=str(tmp_path / "nothing")))
    with pytest.raises(NearwireError, match="cannot be reached"):
        open_computer(server.board(ssh_port=1))
    with pytest.raises(NearwireError, match="cannot be reached"):
        open_computer(server.board(host="somebody@no-such-host.invalid"))
    with pytest.raises(InputError, match="has no address. Give yours one"):
        open_computer(load_board("raspberry-pi-4"))


def test_a_board_that_dies_while_a_program_runs(server: Server) -> None:
    board = server.board("dying")
    computer = open_computer(board)
    folder = Path(computer.folder)
    threading.Timer(0.5, server.hang_up).start()
    started = time.monotonic()
    with computer, pytest.raises(NearwireError, match="the connection to 'dying' was lost"):
        computer.run(["sleep", "60"])
    assert time.monotonic() - started < 20
    assert gone(folder)
    with open_computer(board) as again:
        assert again.run(["true"]).code == 0


def test_a_program_that_does_not_end(server: Server) -> None:
    with open_computer(server.board()) as computer, pytest.raises(NearwireError, match="'loopback' did not finish in time"):
        computer.run(["sleep", "60"], limit_s=0.3)


def test_a_full_disk_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_computer(server.board()) as computer:
        real = computer.folder
        monkeypatch.setattr(computer, "folder", "/dev")
        with pytest.raises(NearwireError, match="'loopback': no space left on its disk while copying 'full'"):
            computer.put("full", b"x" * 100_000)  # /dev/full is a device on which every write finds the disk full
        monkeypatch.setattr(computer, "folder", real)


def test_trees_are_kept_for_the_next_visit_whole_or_not_at_all(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"content" * 1000)
    archive = tar_of([("sub/x", tmp_path / "x")])
    with open_computer(server.board()) as computer:
        assert computer.kept("tree-1") is None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ssh, "digest_of", lambda _: digest_of(archive))
            with pytest.raises(NearwireError, match="copying 'tree-1' to it failed"):
                computer.keep_tree("tree-1", archive[:3000])
        assert not list(server.cache.iterdir())
        place = computer.keep_tree("tree-1", archive)
        assert computer.keep_tree("tree-1", archive) == place
    with open_computer(server.board()) as computer:
        assert computer.kept("tree-1") == computer.kept("tree-1", digest_of(archive)) == place == str(server.cache / "tree-1")
        assert (Path(place) / "sub" / "x").read_bytes() == b"content" * 1000
        assert computer.keep_tree("tree-1", tar_of([("y", tmp_path / "x")]), replace=True) == place
        assert [path.name for path in Path(place).iterdir()] == ["y"]
        old = server.cache / "old"
        old.mkdir()
        os.utime(old, (0, 0))
        part = server.cache / f".part-{Path(computer.folder).name}"
        assert computer.keep_tree("tree-2", archive)
        assert not old.exists()
        part.mkdir()  # as if the connection ended while it was being filled
    assert gone(part)
    assert sorted(path.name for path in server.cache.iterdir()) == ["tree-1", "tree-1.sum", "tree-2", "tree-2.sum"]
    shutil.rmtree(server.cache)
    server.cache.write_text("in the way")  # nothing can be kept: for this visit only
    with open_computer(server.board()) as computer:
        assert computer.keep_tree("tree-1", archive) == f"{computer.folder}/tree-1"
    server.cache.unlink()


def _flip(tree: Path) -> None:
    content = (tree / "sub" / "x").read_bytes()
    (tree / "sub" / "x").write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.mark.parametrize(
    "garble",
    [
        _flip,
        lambda tree: (tree / "sub" / "x").unlink(),
        lambda tree: (tree / "sub" / "more").write_text("import os"),
        lambda tree: (tree / "link").symlink_to("/etc/passwd"),
        lambda tree: (tree / "sub" / "x").rename(tree / "x"),
        lambda tree: tree.with_name("tree.sum").unlink(),
        lambda tree: tree.with_name("tree.sum").write_text("0" * 64),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_garbled_tree_is_not_used_and_makes_room(server: Server, tmp_path: Path, garble: Callable[[Path], object], known: bool) -> None:
    (tmp_path / "x").write_bytes(b"content" * 1000)
    archive = tar_of([("sub/x", tmp_path / "x"), ("a b", tmp_path / "x")])
    digest = digest_of(archive) if known else ""
    with open_computer(server.board()) as computer:
        place = Path(computer.keep_tree("tree", archive))
        assert computer.kept("tree", digest) == str(place)
        beside = place.with_name("tree.sum").read_text()
        garble(place)
        good = known and [path.read_bytes() for path in (place / "sub" / "x", place / "a b") if path.is_file()] == [b"content" * 1000] * 2
        if good and sorted(path.name for path in place.rglob("*")) == ["a b", "sub", "x"]:  # only what lies beside it was
            assert computer.kept("tree", digest) == str(place)
        else:
            assert computer.kept("tree", digest) is None
            assert not place.exists()
        assert computer.keep_tree("tree", archive, replace=True) == str(place)
        assert computer.kept("tree", digest) == str(place)
        assert place.with_name("tree.sum").read_text() == beside == digest_of(archive)


@pytest.mark.parametrize(
    ("uname", "message"),
    [
        ("cat /dev/zero", "sent more than the 65,536 bytes"),
        ("cat /dev/zero >&2", "sent more than the 65,536 bytes"),
        ("printf '\\033[31mx86_64'", r"asking its architecture failed: it said '\\x1b\[31mx86_64'"),
        ("printf '../../x'", "asking its architecture failed"),
        ("exit 0", "asking its architecture failed: it said ''"),
        ("exit 3", "asking its architecture failed with status 3"),
    ],
)
def test_what_a_board_says_of_itself_is_checked(server: Server, monkeypatch: pytest.MonkeyPatch, uname: str, message: str) -> None:
    _say(monkeypatch, "uname -m", uname)
    with pytest.raises(NearwireError, match=message):
        open_computer(server.board())


@pytest.mark.parametrize("folder", ["tmp", "/tmp/../etc", "/tmp/a:b", "/tmp/a\nb", "", "/" + "x" * 5000])
def test_a_folder_that_cannot_be_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    _say(monkeypatch, "mktemp -d", f"printf %s {shlex.quote(folder)}")
    with pytest.raises(NearwireError, match="making a temporary folder failed"):
        open_computer(server.board())


def _say(patch: pytest.MonkeyPatch, line: str, instead: str) -> None:
    """Let the far side run another line for one that starts so."""
    real = ssh.SshComputer._shell
    patch.setattr(
        ssh.SshComputer, "_shell", lambda self, told, *more, **named: real(self, instead if told.startswith(line) else told, *more, **named)
    )


def test_folders_of_visits_that_nobody_ended_are_removed(server: Server) -> None:
    old, young, other = (Path("/tmp") / name for name in ("nearwire-visit-0LD00000", "nearwire-visit-Y0UNG000", "nearwire-visitors"))
    try:
        for folder in (old, young, other):
            folder.mkdir(exist_ok=True)
        for folder in (old, other):
            os.utime(folder, (0, 0))
        with open_computer(server.board()):
            assert gone(old)
            assert young.exists()
            assert other.exists()
    finally:
        for folder in (old, young, other):
            shutil.rmtree(folder, ignore_errors=True)


def test_a_flood_and_a_silence_are_cut_off(server: Server) -> None:
    with open_computer(server.board()) as computer:
        started = time.monotonic()
        for words in (["cat", "/dev/zero"], ["sh", "-c", "cat /dev/zero >&2"], ["sh", "-c", "while :; do echo x; done"]):
            with pytest.raises(NearwireError, match="'loopback' sent more than the 100,000 bytes that its answer may have"):
                computer.run(words, most_bytes=100_000)
        with pytest.raises(NearwireError, match="'loopback' did not finish in time"):
            computer.run(["sleep", "60"], limit_s=0.5)
        assert time.monotonic() - started < 30
        assert computer.run(["echo", "still there"]).out == b"still there\n"


def test_no_python_there_and_an_unknown_architecture(server: Server) -> None:
    with open_computer(server.board(python="/nowhere/python3")) as computer:
        assert computer.python() is None
        computer.architecture = "pdp11"
        with pytest.raises(NearwireError, match="'pdp11' machine; C code can be sent to: x86_64, aarch64"):
            target_of(computer)


def test_doctor_runs_programs_and_wheels_there(server: Server) -> None:
    first, *libraries = examine([server.board()])
    assert first.works
    assert "ran on x, ssh" in first.detail
    assert {finding.board.split()[-1] for finding in libraries} == {"numpy", "onnxruntime", "litert", "tflite-runtime"}
    assert all(finding.works and finding.optional for finding in libraries)
    (none, *_) = examine([server.board(ssh_port=1)])
    assert not none.works
    assert "cannot be reached" in none.detail


@pytest.mark.parametrize(
    ("script", "library", "detail", "fix"),
    [
        ("kill -ILL $$", "numpy", "illegal instruction", "--force-reinstall numpy"),
        ("""echo '{"python": "3.11.2", "error": "ModuleNotFoundError: no numpy"}'""", "numpy", "no numpy", "-m pip install numpy"),
    ],
)
def test_wheels_that_do_not_work(server: Server, tmp_path: Path, script: str, library: str, detail: str, fix: str) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    with open_computer(server.board()) as computer:
        (wheel,) = examine_wheels(computer, str(fake))
        assert examine_wheels(computer, str(tmp_path / "absent")) == []
    assert (wheel.library, wheel.works) == (library, False)
    assert detail in wheel.detail
    assert fix in wheel.fix


def test_a_numpy_too_new_for_a_wheel(server: Server, tmp_path: Path) -> None:
    """Imports work, the first interpreter fails: only a run finds it."""
    answers = {
        "numpy": '{"python": "3.11.2", "numpy": "2.1.0"}',
        "tflite-runtime": '{"python": "3.11.2", "numpy": "2.1.0", "error": "SystemError: returned NULL"}',
    }
    cases = "\n".join(f"{name}) echo {shlex.quote(answer)};;" for name, answer in answers.items())
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/sh\ncase "$3" in\n{cases}\n*) exit 127;;\nesac\n')
    fake.chmod(0o755)
    with open_computer(server.board()) as computer:
        found = {wheel.library: wheel for wheel in examine_wheels(computer, str(fake))}
    assert found["numpy"].works
    assert found["tflite-runtime"].fix == f"{fake} -m pip install 'numpy<2'"


def test_conditions_without_python() -> None:
    text = "== nearwire /proc/cpuinfo\nprocessor\t: 0\n\n== nearwire /sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq\n1800000\n\n== nearwire throttled\nthrottled=0x50000\n== nearwire clock\nfrequency(48)=600000000\n"
    found = conditions_of(text)
    assert (found.cpus, found.frequency_mhz, found.throttled_flags) == (1, 600, 0x50000)
    assert conditions_of("== nearwire /../../etc/x\nno\n") == Conditions()


@pytest.mark.parametrize(
    "name", ["{path}", "/{path}", "//{path}", "/../..{path}", "{path}/proc/loadavg", "/proc/loadavg/../../..{path}", "proc/loadavg"]
)
def test_no_section_names_a_path(tmp_path: Path, name: str) -> None:
    target = tmp_path / "written"
    text = f"== nearwire {name.format(path=target)}\nmine\n== nearwire /proc/loadavg\n0.5 1 1\n== nearwire /proc\n7\n"
    assert conditions_of(text) == Conditions(load_1min=0.5)
    assert not target.exists()


SECTION = st.sampled_from(
    [*FILES, "throttled", "clock", f"{CPU}0/cpufreq/scaling_cur_freq", f"{CPU}0/thermal_throttle/x_throttle_count", "/etc/x", ""]
)
CONTENT = (
    st.text(max_size=60)
    | st.from_regex(r"(throttled|frequency\(48\))?=?(0x)?[0-9a-f.]{0,40}\n?", fullmatch=True)
    | st.from_regex(r"(cpu +)?([0-9]{1,30} ){0,9}", fullmatch=True)
    | st.from_regex(r"(processor|CPU implementer|CPU part|cpu MHz|model name)\t: .{0,30}\n", fullmatch=True)
)


@given(parts=st.lists(st.tuples(SECTION, CONTENT), max_size=8))
@settings(max_examples=500, deadline=None)
def test_any_output_of_a_board_is_conditions_and_nothing_is_opened(parts: list[tuple[str, str]]) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("a file was opened")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "mkdir", "read_text", "write_text", "glob"):
            patch.setattr(Path, name, refuse)
        found = conditions_of("".join(f"== nearwire {name}\n{content}\n" for name, content in parts))
    for value in vars(found).values():
        assert value is None or (value.isprintable() if isinstance(value, str) else math.isfinite(value) and abs(value) < 1e19)


class TestAdding:
    @pytest.fixture(autouse=True)
    def own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEARWIRE_BOARDS", str(tmp_path / "boards"))

    def test_a_board_is_added_and_found(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as done:
            command.main(["add", "lab/pi4", "pi@raspberrypi.local:2222", "--like", "raspberry-pi-4", "-i", "key"])
        assert not done.value.code
        assert "added 'lab/pi4'" in capsys.readouterr().out
        board = load_board("lab/pi4")
        assert (board.core, board.toolchain.cpu) == ("Cortex-A72", "cortex_a72")
        assert board.linux is not None
        assert (board.linux.host, board.linux.ssh_port) == ("pi@raspberrypi.local", 2222)
        assert board.linux.identity_file == str(Path("key").absolute())
        add_board("lab/zero", "pi@zero")
        assert [board.name for board in boards_of("lab/*,host,me@there")] == ["lab/pi4", "lab/zero", "host", "me@there"]
        assert {path.suffix for path in (tmp_path / "boards" / "lab").iterdir()} == {".toml"}

    @pytest.mark.parametrize(
        ("name", "address", "like", "message"),
        [
            ("Lab", "pi@x", None, "no name of a board"),
            ("../x", "pi@x", None, "no name of a board"),
            ("host", "pi@x", None, "comes with nearwire"),
            ("a", "pi@x;reboot", None, "not an address"),
            ("a", "pi@$(reboot)", None, "not an address"),
            ("a", "-oProxyCommand=x@y", None, "not an address"),
            ("a", "pi@x:0", None, "Allowed: 1 to 65535"),
            ("a", "pi@x", "emulated-cortex-m4", "no kind of Linux board"),
            ("a", "pi@x", "raspberry-pi-44", "Did you mean 'raspberry-pi-4'"),
        ],
    )
    def test_what_cannot_be_added(self, tmp_path: Path, name: str, address: str, like: str | None, message: str) -> None:
        with pytest.raises(InputError, match=message.replace("(", r"\(")):
            add_board(name, address, like)
        assert not (tmp_path / "boards").exists()

    def test_a_name_is_not_taken_twice(self) -> None:
        add_board("mine", "pi@a")
        with pytest.raises(InputError, match="already"):
            add_board("mine", "pi@b")
        add_board("mine", "pi@b", force=True)
        assert '"pi@b"' in (own_folder() / "mine.toml").read_text()

    def test_patterns_and_nothing(self) -> None:
        with pytest.raises(InputError, match=r"no board's name is like 'lab/\*'"):
            boards_of("lab/*")
        with pytest.raises(InputError, match="no device was named"):
            boards_of(" , ")
        with pytest.raises(InputError, match="Did you mean 'emulated-pi4'"):
            boards_of("emulated-pi44")
