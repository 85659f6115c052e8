"""bench: what it counts, how it plans, when it calls a run invalid, and what it prints. Times come from a clock that the test moves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from devices.common.conditions import read_conditions
from devices.errors import CheckError, InputError
from runtime import __main__ as command
from runtime.backends.base import LayerFigure, Session
from runtime.builds.build import Build
from runtime.builds.checked import open_build
from runtime.commands import bench as bench_command
from runtime.commands.bench import plain_flags
from runtime.commands.bench_output import best_costs
from runtime.data.inputs import stored_samples
from runtime.measure import bench as module
from runtime.measure.bench import BenchOptions, BenchReport, Place, bench
from runtime.measure.latency import KEPT, Times
from runtime.network import reference
from runtime.network.network import Array
from tests.support.boards import pi
from tests.support.builds import Zoo


@pytest.fixture(scope="module")
def build(zoo: Zoo) -> Build:
    return open_build(zoo.build("digits-field", "host"))


class Clockwork(Session):
    """A session whose k-th inference takes the time that a function says."""

    def __init__(self, build: Build, ns: Callable[[int], float], wrong: bool = False) -> None:
        self.build, self.ns, self.wrong, self.done, self.calls = build, ns, wrong, 0, []
        self.detail, self.init_ns = "clockwork", 5000

    def scores(self, samples: Array) -> Array:
        return reference.scores(self.build.network, samples).astype(np.int32) + self.wrong

    def time_ns(self, sample: Array, runs: int) -> Array:
        found = np.array([self.ns(self.done + k) for k in range(runs)], np.int64)
        self.done += runs
        self.calls.append(runs)
        return found

    def layers(self, samples: Array) -> list[LayerFigure]:
        return [LayerFigure("a", 3.0), LayerFigure("b", 1.0, note="dense")]


def run(build: Build, sessions: dict[str, Clockwork], root: Path, **options: float) -> BenchReport:
    place = Place(open=lambda _, name, threads: sessions[name], conditions=lambda: read_conditions(root))
    return bench(build, list(sessions), stored_samples(build.folder, build.network), BenchOptions(**options), place=place)  # type: ignore[arg-type]


def test_figures_are_those_of_the_times(build: Build, tmp_path: Path) -> None:
    session = Clockwork(build, lambda k: 9000 if k == 0 else 1000 + (k - 11) % 1000 if k > 10 else 5)
    report = run(build, {"c": session}, pi(tmp_path), num_runs=1000, warmup_runs=10, operators=True)
    (row,) = report.rows
    assert (row.runs, row.first_us, row.init_us, row.min_us, row.max_us) == (1000, 9.0, 5.0, 1.0, 1.999)
    assert row.mean_us == pytest.approx(1.4995)
    assert row.p50_us == pytest.approx(1.4995)
    assert row.p95_us == pytest.approx(1.94905)
    assert row.drift is None  # a millisecond says nothing
    assert [entry.share for entry in row.operators] == [0.75, 0.25]
    assert report.invalid == ()
    assert session.calls == [1, 10] + [100] * 10
    assert BenchReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_the_backends_take_turns_and_each_meets_its_limits(build: Build, tmp_path: Path) -> None:
    fast, slow = Clockwork(build, lambda k: 1000), Clockwork(build, lambda k: 1_000_000)
    report = run(build, {"fast": fast, "slow": slow}, pi(tmp_path), num_runs=50, min_secs=0.2, max_secs=5)
    assert [row.runs for row in report.rows] == [200_000, 200]
    assert [len(session.calls) for session in (fast, slow)] == [12, 12]
    report = run(build, {"slow": Clockwork(build, lambda k: 1_000_000)}, pi(tmp_path), num_runs=100_000, max_secs=0.1)
    assert report.rows[0].runs == 100


def test_a_drifting_run_is_invalid_and_a_steady_one_is_not(build: Build, tmp_path: Path) -> None:
    steady, warming = Clockwork(build, lambda k: 100_000), Clockwork(build, lambda k: 100_000 * (1 + k / 5000))
    report = run(build, {"steady": steady, "warming": warming}, pi(tmp_path), num_runs=5000)
    assert report.rows[0].drift == 1.0
    (reason,) = report.invalid
    assert reason.startswith("warming drifted: the last third of its rounds took 1.")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"mhz": 1000}, "the clock fell from 1800 to 1000 MHz"),
        ({"flags": "0x4"}, "the board says: throttled"),
        ({"flags": "0x10000"}, "the board says: under-voltage"),  # in between, and over now
        ({"mhz": 1700, "celsius": 79.0}, None),
    ],
)
def test_what_the_board_says_decides(build: Build, tmp_path: Path, after: dict[str, float], reason: str | None) -> None:
    pi(tmp_path, governor="ondemand")

    def later(k: int) -> float:
        if k > 200:
            pi(tmp_path, **after)  # type: ignore[arg-type]
        return 1000

    report = run(build, {"c": Clockwork(build, later)}, tmp_path, num_runs=150)
    assert [text.startswith(reason) for text in report.invalid] == [True] if reason else report.invalid == ()
    assert report.notes[0].startswith("governor 'ondemand'")
    assert report.before.temperature_c == pytest.approx(48.3)


def test_flags_of_the_past_are_a_note(build: Build, tmp_path: Path) -> None:
    report = run(build, {"c": Clockwork(build, lambda k: 1000)}, pi(tmp_path, flags="0x50000"), num_runs=10)
    assert report.invalid == ()
    assert report.notes == ("since the board started there was: under-voltage, throttled",)


def test_wrong_scores_are_not_timed(build: Build, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="backend 'c' .clockwork. computes other scores"):
        run(build, {"c": Clockwork(build, lambda k: 1, wrong=True)}, pi(tmp_path))


@pytest.mark.parametrize(
    "wrong", [{"num_runs": 0}, {"warmup_runs": -1}, {"min_secs": 2, "max_secs": 1}, {"min_secs": float("nan")}, {"num_threads": 0}, {"max_secs": 0}]
)
def test_options_without_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="allowed: "):
        BenchOptions(**wrong)  # type: ignore[arg-type]


def test_percentiles_of_more_times_than_are_kept() -> None:
    times = Times()
    for _ in range(5):
        times.add(np.arange(1, KEPT // 2 + 1, dtype=np.int64))
    assert (times.count, times.min_ns, times.max_ns) == (KEPT // 2 * 5, 1, KEPT // 2)
    assert times.percentiles_us()[0] == pytest.approx(KEPT / 4 / 1000, rel=1e-3)
    assert sum(map(len, times._parts)) <= KEPT


def test_flags_as_benchmark_model_writes_them() -> None:
    words = ["bench", "b", "--enable_op_profiling=true", "--report_peak_memory_footprint=false", "--num_runs=5", "--enable-op-profiling=false"]
    assert plain_flags(words) == ["bench", "b", "--enable_op_profiling", "--num_runs=5"]


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        command.main(["bench", *argv])
    captured = capsys.readouterr()
    return int(done.value.code or 0), captured.out, captured.err


def test_real_backends_in_every_format(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ["--num_runs", "50", "--min_secs", "0", "--backend", "c,onnxruntime,tflite,reference"]
    code, out, _ = call(capsys, str(build.folder), *quick, "--format", "json", "--enable_op_profiling=true", "--report_peak_memory_footprint=true")
    assert code == 0
    found = json.loads(out)
    rows = {row["backend"]: row for row in found["rows"]}
    assert list(rows) == ["c", "onnxruntime", "tflite", "reference"]
    for row in rows.values():
        assert row["runs"] == 50
        assert row["min_us"] <= row["p50_us"] <= row["p90_us"] <= row["p95_us"] <= row["p99_us"] <= row["max_us"]
        assert row["init_us"] > 0
        assert row["first_us"] > 0
        assert row["timer_us"] is not None
        assert row["memory"]["peak_bytes"] >= row["memory"]["init_bytes"] >= 0
        assert row["operators"]
    assert rows["onnxruntime"]["memory"]["peak_bytes"] > rows["c"]["memory"]["peak_bytes"]
    assert min(row["x_best"] for row in rows.values()) == 1
    assert found["devices"][0]["versions"]["numpy"] == np.__version__
    assert found["devices"][0]["before"]["cpus"] > 0

    code, out, _ = call(capsys, str(build.folder), "--num-runs", "20", "--warmup-runs", "1", "--min-secs", "0", "--backend", "c", "--format", "csv")
    (line,) = csv.DictReader(io.StringIO(out))
    assert (code, line["backend"], line["runs"], line["x_best"], line["valid"]) == (0, "c", "20", "1.0", "True")
    assert float(line["p50_us"]) > 0

    code, out, _ = call(capsys, str(build.folder), "--runs", "20", "-t", "0", "--backend", "c,reference", "--enable_op_profiling", "-x", "2")
    assert code == 0
    assert "x best" in out
    assert "on c, by run order" in out
    assert "conditions, before / after" in out


def test_bad_words_and_strict(build: Build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Did you mean 'json'" in call(capsys, str(build.folder), "--format", "jsn")[2]
    assert "no backend was named" in call(capsys, str(build.folder), "--backend", ",")[2]
    throttled = BenchReport("pi4", invalid=("the board says: throttled",))
    monkeypatch.setattr(bench_command, "run_bench", lambda *_: throttled)
    assert call(capsys, str(build.folder), "--backend", "c")[0] == 0
    code, out, err = call(capsys, str(build.folder), "--backend", "c", "--strict")
    assert code == 3
    assert "pi4: INVALID: the board says: throttled" in out
    assert "the run is invalid" in err


def test_ratios_stay_on_their_device() -> None:
    rows = [module.BenchRow(device, "b", name, "", 1, p50_us=p50) for device, name, p50 in (("pi", "c", 4.0), ("pi", "x", 8.0), ("host", "c", 1.0))]
    assert best_costs([BenchReport("all", tuple(rows))]) == {"pi, time": 4.0, "host, time": 1.0}


def test_a_build_without_readable_vectors(build: Build, tmp_path: Path) -> None:
    assert stored_samples(build.folder, build.network).shape == (4, 64)
    with pytest.raises(InputError, match=r"test_vectors.h' cannot be read"):
        stored_samples(tmp_path, build.network)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "test_vectors.h").write_text("nearwire_test_inputs[1][64] = {\n{ 1, 2, 300 }\n};")
    with pytest.raises(InputError, match="holds 3 input values; the network reads 64"):
        stored_samples(tmp_path, build.network)
