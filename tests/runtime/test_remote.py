"""Builds on boards behind SSH: every backend, several boards at once, boards that lack Python or wheels, boards that die."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from devices.boards.board import load_board
from devices.commands.add import add_board
from devices.common.conditions import Conditions
from devices.computers import open_computer
from devices.errors import InputError, NearwireError
from runtime import __main__ as command
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.data.inputs import stored_samples
from runtime.measure import there
from runtime.measure.bench import BenchOptions
from runtime.measure.devices import backends_of, bench_devices
from runtime.network import reference
from runtime.remote import visit as remote
from runtime.remote.answers import Scores
from runtime.remote.sessions import session_there
from runtime.remote.visit import Visit
from tests.support import sshd
from tests.support.builds import Zoo
from tests.support.needs import needs
from tests.support.sshd import Server

QUICK = BenchOptions(num_runs=30, warmup_runs=3)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    needs(sshd.missing())
    with sshd.server(tmp_path_factory.mktemp("sshd")) as found:
        yield found


@pytest.fixture(scope="module")
def build(zoo: Zoo) -> Build:
    return open_build(zoo.build("digits-field", "host"))


@pytest.fixture
def samples(build: Build) -> np.ndarray:
    return stored_samples(build.folder, build.network)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    before = set(Path("/tmp").glob("nearwire-visit-*"))
    yield
    end = time.monotonic() + 10
    while (left := set(Path("/tmp").glob("nearwire-visit-*")) - before) and time.monotonic() < end:
        time.sleep(0.05)  # after a lost connection the far side cleans up by itself
    assert left == set()


def test_one_command_on_this_computer_and_two_boards(
    server: Server, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEARWIRE_BOARDS", str(tmp_path))
    address = server.board().linux
    assert address is not None
    for name, port in (("lab/good", server.port), ("lab/off", 1)):
        add_board(name, f"{address.host}:{port}", None, str(server.identity), str(server.known_hosts), sys.executable)
    words = [
        "bench",
        str(build.folder),
        "--device",
        "host,lab/*",
        "--backend",
        "c,onnxruntime,litert",
        "--num_runs",
        "50",
        "--min_secs",
        "0",
        "--json",
    ]
    with pytest.raises(SystemExit) as done:
        command.main(words)
    assert not done.value.code  # the board that is off costs only its own figures
    found = json.loads(capsys.readouterr().out)
    assert [(row["device"], row["backend"]) for row in found["rows"]] == [
        (device, backend) for device in ("host", "lab/good") for backend in ("c", "onnxruntime", "litert")
    ]
    assert all(row["p50_us"] > 0 and row["runs"] == 50 and row["timer_us"] is not None for row in found["rows"])
    states = {device["device"]: device for device in found["devices"]}
    assert "cannot be reached" in states["lab/off"]["error"]
    assert states["lab/good"]["before"]["cpus"] == states["host"]["before"]["cpus"]
    assert states["lab/good"]["versions"]["numpy"] == np.__version__


def test_sessions_there_answer_as_the_reference(server: Server, build: Build, samples: np.ndarray) -> None:
    expected = reference.scores(build.network, samples)
    with open_computer(server.board()) as computer:
        visit = Visit(computer, server.board(), build)
        for name in ("c", "onnxruntime", "tflite-runtime", "reference"):
            session = session_there(visit, name)
            np.testing.assert_array_equal(session.scores(samples), expected)
            rows = session.layers(samples[:2])
            assert rows
            assert all((row.time_us or 0) >= 0 for row in rows)
            assert session.instructions(samples) is None


def test_a_board_without_python_runs_the_c_program(server: Server, build: Build, samples: np.ndarray) -> None:
    board = server.board("bare", python="/nowhere/python3")
    (report,) = bench_devices(build, [board], ["c", "onnxruntime"], samples, QUICK)
    (row,) = report.rows
    assert (row.device, row.backend, row.runs) == ("bare", "c", 30)
    assert row.detail.endswith("static")
    assert report.before.cpus
    assert report.notes[0].startswith("onnxruntime left out: 'bare' has no Python 3.11 or newer")
    (report,) = bench_devices(build, [board, server.board("other")], ["onnxruntime"], samples, QUICK)[:1]
    assert report.error == "no backend works there"


def test_what_the_board_lacks_is_sent_once(
    server: Server, build: Build, samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python that sees no installed package gets numpy, safetensors and ONNX Runtime; the next visit finds them there, unless they are broken."""
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    board, brought = server.board("empty", python=str(bare)), []
    real = remote.install_wheels

    def counted(requirements: list[str], version: str, platforms: list[str], place: Path) -> None:
        brought.append(requirements)
        if len(brought) == 1:
            real(requirements, version, platforms, place)
            shutil.copytree(place, tmp_path / "site")
        else:
            shutil.copytree(tmp_path / "site", place, dirs_exist_ok=True)

    monkeypatch.setattr(remote, "install_wheels", counted)
    for visit, visits in enumerate((1, 1, 2, 2)):
        (report,) = bench_devices(build, [board], ["onnxruntime"], samples, QUICK)
        assert report.error is None
        assert report.rows[0].detail.startswith("onnxruntime ")
        assert len(brought) == visits
        (site,) = (path for path in server.cache.glob("site-*") if path.is_dir())
        assert sum(path.is_dir() for path in server.cache.glob("code-*")) == 1
        if visit == 1:  # a garbled file of the library, and one of our code
            (code,) = (path for path in server.cache.glob("code-*") if path.is_dir())
            for path in (site / "onnxruntime" / "__init__.py", code / "runtime" / "commands" / "agent.py"):
                path.write_text("raise ImportError('spoiled')")


def test_wheels_that_nobody_has_cost_one_backend(
    server: Server, build: Build, samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setattr(remote, "PLATFORMS", {})
    (report,) = bench_devices(build, [server.board("odd", python=str(bare))], ["c", "onnxruntime"], samples, QUICK)
    assert [row.backend for row in report.rows] == ["c"]
    assert "there are no wheels for" in report.notes[0]


def test_a_board_that_dies_costs_only_its_row(server: Server, build: Build, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    real = there.bench_there

    def die(visit: Visit, *rest: object) -> object:
        if visit.computer.name == "dying":
            server.hang_up_one(visit.computer)
        return real(visit, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("runtime.measure.devices.bench_there", die)
    boards = [server.board("dying"), server.board("living")]
    dying, living = bench_devices(build, boards, ["c"], samples, QUICK)
    assert "the connection to 'dying' was lost" in str(dying.error)
    assert living.error is None
    assert len(living.rows) == 1
    with pytest.raises(NearwireError, match="the connection to 'dying' was lost"):
        bench_devices(build, boards[:1], ["c"], samples, QUICK)


HOSTILE = {  # what "python" does there instead of answering
    "flood": "cat /dev/zero",
    "flooded-errors": "cat /dev/zero >&2",
    "silent": "sleep 1000",
    "half": """printf '{"action": "probe", "missing": nu'""",
    "nothing": "exit 0",
    "null": "echo null",
    "markup": """printf '{"action": "[bold]\\\\u001b[31m[/x]"}\\033[2J'""",
    "error": """echo '{"action": "probe", "error": [1], "exit_code": 7}'""",
    "other": """echo '{"action": "bench", "missing": null, "numpy": "1", "python": "3.11"}'""",
    "crash": "kill -SEGV $$",
    "loud": "printf 'x\\033]0;title\\007' >&2; exit 1",
}


def test_hostile_boards_cost_only_their_rows(
    server: Server, build: Build, samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PROBE_LIMIT_S", 5.0)
    monkeypatch.setattr(remote, "PLATFORMS", {})  # nothing is fetched for them
    boards = [server.board("good")]
    for name, script in HOSTILE.items():
        fake = tmp_path / name
        fake.write_text(f'#!/bin/sh\ncase "$1" in -c) echo 3.11;; *) {script};; esac\n')
        fake.chmod(0o755)
        boards.append(server.board(name, python=str(fake)))
    good, *others = bench_devices(build, boards, ["reference"], samples, QUICK)
    assert good.error is None
    assert len(good.rows) == 1
    for report in others:
        assert report.error == "no backend works there"
        assert report.rows == ()
        assert report.notes[0].isprintable(), report.notes


def test_ctrl_c_does_not_wait_for_boards_that_work(server: Server, build: Build, samples: np.ndarray, tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text('#!/bin/sh\ncase "$1" in -c) echo 3.11;; *) sleep 120;; esac\n')
    slow.chmod(0o755)
    boards = [server.board(name, python=str(slow)) for name in ("a", "b")]
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(3.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    started = time.monotonic()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            bench_devices(build, boards, ["reference"], samples, QUICK)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - started < 60


def test_an_answer_that_is_not_json(server: Server, build: Build, samples: np.ndarray, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\ncase "$1" in -c) echo 3.11;; *) echo "hello";; esac\n')
    fake.chmod(0o755)
    with open_computer(server.board(python=str(fake))) as computer:
        visit = Visit(computer, server.board(), build)
        with pytest.raises(NearwireError, match="answered with something else than JSON: 'hello"):
            visit.ask(Scores, samples, backend="onnxruntime")


def test_errors_there_keep_their_kind(server: Server, build: Build, samples: np.ndarray) -> None:
    with open_computer(server.board()) as computer:
        visit = Visit(computer, server.board(), build)
        with pytest.raises(InputError, match="on 'loopback': unknown backend 'pigeon'"):
            visit.ask(Scores, samples, backend="pigeon")


def test_which_backends_a_board_can_have() -> None:
    assert backends_of(load_board("emulated-cortex-m4"), ["c", "firmware"]) == ["firmware"]
    assert backends_of(load_board("host"), ["c", "firmware", "litert"]) == ["c", "litert"]
    assert backends_of(load_board("emulated-pi4"), ["all"]) == ["c", "onnxruntime", "tflite", "reference"]
    with pytest.raises(InputError, match=r"device 'host' has none of the backends firmware. It has: c, onnxruntime, tflite, reference"):
        backends_of(load_board("host"), ["firmware"])


def test_an_emulated_core_does_not_borrow_the_conditions_of_this_computer(build: Build) -> None:
    samples = stored_samples(build.folder, build.network)
    (report,) = bench_devices(build, [load_board("emulated-cortex-m4")], ["firmware"], samples, QUICK)
    assert report.before == report.after == Conditions(core="Cortex-M4, emulated on this computer")
