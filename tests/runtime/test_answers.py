"""Answers of boards: the agent's JSON and the firmware's lines. Whatever they are, the result is a value of the right form or one typed error."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.support.answers import GOOD, LINES
from bench.support.networks import integer_network
from devices.boards.board import Board, Linux, Toolchain
from devices.common.conditions import Conditions
from devices.computers.base import ANSWER_BYTES, Computer, Done, too_much
from devices.computers.emulated import EmulatedComputer
from devices.errors import CheckError, InputError, NearwireError
from devices.links import Connection
from runtime.backends.c.program import ProgramSession
from runtime.backends.firmware.dut import Dut
from runtime.builds.build import Build
from runtime.commands.agent import ACTIONS
from runtime.measure.bench import BenchOptions, BenchReport, Place, bench
from runtime.measure.devices import bench_devices
from runtime.network import reference
from runtime.remote.answers import ANSWERS, Answer, Bench, Count, Failure, Layers, Probe, Scores, answer
from runtime.remote.sessions import AgentSession, count_there
from runtime.remote.visit import Visit

WHERE = "lab/[bold]pi"
SAMPLES = np.random.default_rng(1).integers(0, 256, (2, 6)).astype(np.uint8)
VALUES = (None, True, -1, 0, 1, 2**31, 2**63, 10**30, -0.5, 1.5, 1e300, math.nan, math.inf, -math.inf, "", "x", "\x1b[31m[/x]\n\x00", "7" * 5000)
ODD = st.sampled_from([*VALUES, [], {}, [[]], {"a": 1}, [None], "\ud800", {"error": "x", "exit_code": 1}])


def kind_of(action: str) -> type[Answer]:
    return next(kind for kind in ANSWERS if action == kind.ACTION)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [path, *(found for key in keys for found in spots(value[key], (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    found = copy.deepcopy(value)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = new
    return found


def plain_everywhere(value: Any) -> bool:
    """Whether every text in it is printable and every number finite."""
    if isinstance(value, dict):
        return all(plain_everywhere(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return all(map(plain_everywhere, value))
    return value.isprintable() if isinstance(value, str) else value is None or math.isfinite(value)


def attempt(call: Callable[[], Any]) -> Any:
    """What it returns, or our error, whose text is checked; any other exception is the test's failure."""
    try:
        return call()
    except NearwireError as error:
        check(error)
        return error


def check(error: NearwireError) -> None:
    assert error.exit_code == 1
    assert str(error).isprintable()


def test_every_action_has_a_record_and_a_good_answer_passes() -> None:
    assert set(ACTIONS) == {kind.ACTION for kind in ANSWERS} == set(GOOD)
    for action, good in GOOD.items():
        assert answer(kind_of(action), json.dumps(good).encode(), WHERE).action == action


@pytest.mark.parametrize("action", GOOD)
def test_every_field_of_every_action_is_required_and_no_other_is_taken(action: str) -> None:
    good = GOOD[action]
    for path in spots(good):
        if not path or isinstance(path[-1], int):
            continue
        holder = good
        for key in path[:-1]:
            holder = holder[key]
        if path[:1] in (("versions",), ("backends",)) and len(path) == 2:
            continue  # names of the board's own
        for value in ({k: v for k, v in holder.items() if k != path[-1]}, {**holder, "more": 1}):
            if path[:-1] in (("versions",), ("backends",)):
                continue
            with pytest.raises(NearwireError, match=r"answered with something else than was asked") as error:
                answer(kind_of(action), json.dumps(changed(good, path[:-1], value)).encode(), WHERE)
            assert error.value.exit_code == 1


@pytest.mark.parametrize("action", GOOD)
def test_the_wrong_type_in_every_field_is_an_error_or_a_plain_value(action: str) -> None:
    for path in spots(GOOD[action]):
        for value in [*VALUES, [], {}, [[]], {"a": 1}]:
            content = json.dumps(changed(GOOD[action], path, value)).encode("utf-8", "surrogatepass")
            read = attempt(lambda: answer(kind_of(action), content, WHERE))  # noqa: B023
            assert isinstance(read, NearwireError) or plain_everywhere(read.model_dump())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b"null",
        b"{}",
        b'"x"',
        b"NaN",
        b'{"action": "probe"',
        b"\xff\xfe",
        b"\x00" * 100,
        b"[" * 100_000,
        b"1" * 5000,
        b'{"action": "probe"} {}',
        b'{"a": 1e999}',
    ],
)
@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_answer(kind: type[Answer], content: bytes) -> None:
    with pytest.raises(NearwireError, match=r"^'lab/\[bold\]pi' answered with something else") as error:
        answer(kind, content, WHERE)
    assert error.value.exit_code == 1
    assert str(error.value).isprintable()


@pytest.mark.parametrize(("code", "kind"), [(1, NearwireError), (2, InputError), (3, CheckError)])
def test_errors_of_the_agent_keep_their_kind(code: int, kind: type[NearwireError]) -> None:
    content = json.dumps({"action": "probe", "error": "no \x1b[31mred\n", "exit_code": code}).encode()
    with pytest.raises(kind, match=r"on 'lab/\[bold\]pi': no \\x1b\[31mred") as error:
        answer(Probe, content, WHERE)
    assert type(error.value) is kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"exit_code": 0},
        {"exit_code": 130},
        {"exit_code": "1"},
        {"error": 5},
        {"error": {"a": 1}},
        {"error": "x" * 5000},
        {"action": "bench"},
        {"more": 1},
    ],
)
def test_an_error_of_another_form_is_no_answer(wrong: dict[str, Any]) -> None:
    content = json.dumps({"action": "probe", "error": "x", "exit_code": 2, **wrong}).encode()
    with pytest.raises(NearwireError, match="answered with something else") as error:
        answer(Probe, content, WHERE)
    assert error.value.exit_code == 1


@given(action=st.sampled_from(sorted(GOOD)), data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_change_of_any_answer(action: str, data: st.DataObject) -> None:
    value = GOOD[action]
    for _ in range(data.draw(st.integers(1, 3))):
        value = changed(value, data.draw(st.sampled_from(spots(value))), data.draw(ODD))
    content = json.dumps(value).encode("utf-8", "surrogatepass")
    at = data.draw(st.integers(0, len(content)))
    content = data.draw(st.sampled_from([content, content[:at], content[:at] + b"\x00" + content[at:], content + content]))
    read = attempt(lambda: answer(kind_of(action), content, WHERE))
    if isinstance(read, NearwireError):
        return
    assert plain_everywhere(read.model_dump())
    if isinstance(read, Scores):
        attempt(lambda: read.values(2, 3, WHERE))
    if isinstance(read, Layers):
        read.figures()
    if isinstance(read, Bench):
        assert plain_everywhere(BenchReport.from_dict(read.fields()).to_dict())


def test_scores_of_another_number() -> None:
    good = Scores.model_validate_json(json.dumps(GOOD["scores"]))
    assert good.values(2, 3, WHERE).tolist() == [[0, 1, 2], [3, 4, 5]]
    for samples, outputs in ((1, 3), (3, 3), (0, 3)):
        with pytest.raises(NearwireError, match="answered with 24 bytes of scores"):
            good.values(samples, outputs, WHERE)
    with pytest.raises(NearwireError, match="not base64"):
        good.model_copy(update={"scores": "a!"}).values(2, 3, WHERE)


class FakeComputer(Computer):
    """Answers every program with the same bytes, or by a function of its words."""

    def __init__(self, name: str, out: Callable[[list[str]], bytes]) -> None:
        self.name, self.folder, self.architecture, self.detail, self._out = name, "/tmp/there", "pdp11", "fake", out

    def run(self, words: Any, stdin: bytes = b"", limit_s: float = 1, most_bytes: int = ANSWER_BYTES) -> Done:
        out = self._out(list(words))
        if len(out) > most_bytes:
            raise too_much(self.name, most_bytes)
        return Done(0, out, b"")

    def put(self, name: str, content: bytes, executable: bool = False) -> str:
        return f"/tmp/there/{name}"

    def put_tree(self, name: str, archive: bytes) -> str:
        return f"/tmp/there/{name}"

    def python(self) -> tuple[str, ...]:
        return ("python3",)

    def conditions(self) -> Conditions:
        return Conditions()

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(tmp_path_factory.mktemp("build"), integer_network((6, 5, 3)))


def board(name: str) -> Board:
    return Board(name=name, description="", core="x", link="ssh", toolchain=Toolchain(compiler="zig"), linux=Linux(host="a@b"))


def asked(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(words[-1])
    return found


@pytest.mark.parametrize("out", [b"", b"[]", b"{}", b"x" * 10**7, b'{"action": "probe"', json.dumps(GOOD["layers"]).encode()])
def test_sessions_on_a_hostile_board(build: Build, out: bytes) -> None:
    samples = SAMPLES
    session = AgentSession(Visit(FakeComputer("fake", lambda _: out), board("fake"), build), "reference", 1)
    with pytest.raises(NearwireError, match="'fake' (answered|sent more)"):
        session.scores(samples)


def test_the_rows_of_other_boards_are_kept(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one bench a board that lies in every way costs only its own figures."""
    report = {**GOOD["bench"], "rows": [{**GOOD["bench"]["rows"][0], "backend": "reference"}]}
    liars: dict[str, Callable[[dict[str, Any]], Any]] = {
        "null": lambda _: None,
        "zeros": lambda _: "\0" * 10**7,
        "error": lambda request: {"action": request["action"], "error": ["x"], "exit_code": 9},
        "other": lambda request: GOOD["probe"] if request["action"] == "bench" else GOOD["bench"],
        "rows": lambda request: {**report, "rows": report["rows"] * 2},
        "backend": lambda request: {**report, "rows": [{**report["rows"][0], "backend": "c"}]},
        "infinite": lambda request: {**report, "rows": [{**report["rows"][0], "p50_us": math.inf}]},
        "negative": lambda request: {**report, "rows": [{**report["rows"][0], "mean_us": -1.0}]},
        "order": lambda request: {**report, "rows": [{**report["rows"][0], "p50_us": 1e9}]},
    }

    def opened(of: Board) -> Computer:
        def out(words: list[str]) -> bytes:
            if words[-2] == "-c":
                return b"3.11"
            request = asked(words)
            if of.name == "good" or (request["action"] == "probe" and of.name != "other"):
                return json.dumps(report if request["action"] == "bench" else {**GOOD["probe"], "missing": None}).encode()
            return json.dumps(liars[of.name](request)).encode()

        return FakeComputer(of.name, out)

    monkeypatch.setattr("runtime.measure.devices.open_computer", opened)
    samples = SAMPLES
    reports = {
        report.device: report for report in bench_devices(build, [board(name) for name in (*liars, "good")], ["reference"], samples, BenchOptions())
    }
    assert reports["good"].error is None
    assert [row.p50_us for row in reports["good"].rows] == [GOOD["bench"]["rows"][0]["p50_us"]]
    for name in liars:
        assert reports[name].error, name
        assert str(reports[name].error).isprintable()
        assert not reports[name].rows


def test_a_counting_board_answers_for_what_was_asked(build: Build) -> None:
    computer = FakeComputer("fake", lambda _: b"")
    sample = SAMPLES[0]
    expected = reference.scores(build.network, sample[None])[0].tolist()

    def counted(content: dict[str, Any]) -> None:
        setattr(computer, "instructions", lambda *_, **__: (Done(0, json.dumps(content).encode(), b""), [1, 2, 3]))  # noqa: B010

    counted({"action": "count", "backends": {"c": {"detail": "x", "scores": expected}}})
    with pytest.raises(NearwireError, match="'fake' answered for c; asked were reference"):
        count_there(Visit(computer, board("fake"), build), ["reference"], sample)
    counted({"action": "count", "backends": {"reference": {"detail": "x", "scores": expected[:-1]}}})
    with pytest.raises(CheckError, match="computes other scores"):
        count_there(Visit(computer, board("fake"), build), ["reference"], sample)
    assert Count.ACTION == "count"
    assert Failure.ACTION == ""


class Line(Connection):
    """A line on which anything comes, in pieces, whatever is asked."""

    where = "serial port /dev/ttyFAKE"

    def __init__(self, content: bytes, piece: int = 64) -> None:
        self.content, self.piece = content, piece

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        found, self.content = self.content[: self.piece], self.content[self.piece :]
        return found


def ask(content: bytes, action: str) -> object:
    dut = Dut(Line(content), 0.01)
    return {
        "infer": dut.infer,
        "stack": dut.stack_bytes,
        "layers": lambda: dut.layers_us(2),
        "name": lambda: dut.identify(),
        "profile": lambda: dut.identify(),
    }[action]()


@given(action=st.sampled_from(sorted(LINES)), data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_answer_of_a_firmware(action: str, data: st.DataObject) -> None:
    lines = [line.encode() for line in LINES[action]]
    for _ in range(data.draw(st.integers(0, 3))):
        k = data.draw(st.integers(0, len(lines) - 1))
        number = data.draw(
            st.sampled_from(
                [b"", b"-1", b"nan", b"inf", b"1e400", b"4294967296", b"9" * 5000, b"0", b"\x1b[31m", b"\xd9\xa3", b" 7", b"1_0", b"3,,4", b"]["]
            )
        )
        at = data.draw(st.integers(0, len(lines[k])))
        lines[k] = data.draw(
            st.sampled_from(
                [lines[k][:at] + number, lines[k][:at] + number + lines[k][at:], lines[k].replace(b"0", number, 1), b"", lines[k] + lines[k]]
            )
        )
        if data.draw(st.booleans()):
            lines.append(lines[k])
    attempt(lambda: ask(b"\r\n".join([*lines, b"m-ready", b""]), action))


@pytest.mark.parametrize("content", [b"x" * 3_000_000, b"x\n" * 2_000_000, b"\n" * 3_000_000, b"\x00" * 3_000_000])
def test_a_firmware_that_does_not_stop(content: bytes) -> None:
    with pytest.raises(NearwireError, match="sent more than the 1,048,576 bytes that an answer may have"):
        Dut(Line(content, 4096), 30).stack_bytes()
    with pytest.raises(NearwireError, match="no answer to '%sync' within"):
        Dut(Line(content, 4096), 0.3).start()


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["m-stack-bytes-"], "'stack' was answered with 'm-stack-bytes-', not with 1 line"),
        (["m-stack-bytes-4294967296"], "of 32 bits"),
        (["m-stack-bytes-1", "m-stack-bytes-2"], "of 32 bits"),
        ([], "the answer has no line 'm-stack-bytes-...': it is empty"),
    ],
)
def test_a_number_that_is_none(lines: list[str], named: str) -> None:
    with pytest.raises(NearwireError, match=named):
        ask("\r\n".join([*lines, "m-ready", ""]).encode(), "stack")


def test_the_answer_to_another_question() -> None:
    content = "\r\n".join([*LINES["infer"], "m-ready", ""]).encode()
    with pytest.raises(NearwireError, match="'infer 7 0' was answered with .*, not with 7 inferences"):
        Dut(Line(content), 0.01).infer(7)
    with pytest.raises(NearwireError, match="not with the ticks of 3 layers"):
        Dut(Line("\r\n".join([*LINES["layers"], "m-ready", ""]).encode()), 0.01).layers_us(3)


@pytest.mark.parametrize("out", [b"", b"x", b"\xff" * 80, np.full(10, np.iinfo(np.int64).max).tobytes(), np.full(11, 5).tobytes()])
def test_times_of_a_program_that_cannot_be(out: bytes) -> None:
    session = ProgramSession(integer_network((6, 5, 3)), lambda *_: out, "x")
    with pytest.raises(NearwireError, match="the program of the build answered"):
        session.timer_ns(10)


def test_a_program_that_takes_no_time_does_not_go_on_for_ever(build: Build) -> None:
    """A board that says 0 ns would be asked again until its times add up to a second."""

    def run(arguments: Sequence[str], stdin: bytes, most_bytes: int) -> bytes:
        if arguments[0] == "scores":
            return reference.scores(build.network, SAMPLES).astype("<i4").tobytes()
        return np.zeros(1 + int(arguments[1]), np.int64).tobytes()

    place = Place("fake", lambda *_: ProgramSession(build.network, run, "fake"), Conditions)
    with pytest.raises(NearwireError, match="says that .* inferences took 0 ns. That cannot be"):
        bench(build, ["c"], SAMPLES, BenchOptions(num_runs=10_000, min_secs=1.0), place=place)


@pytest.mark.parametrize("words", [b"", b"1 2 x", b"9" * 30, b"\xff"])
def test_counts_that_an_emulated_program_wrote(tmp_path: Path, words: bytes) -> None:
    (tmp_path / "counts").write_bytes(words)
    computer = object.__new__(EmulatedComputer)
    computer.name = "emulated"
    if words:
        with pytest.raises(NearwireError, match="wrote something else than counts"):
            computer._marks(tmp_path / "counts")
    else:
        assert computer._marks(tmp_path / "counts") == computer._marks(tmp_path / "none") == []
