"""The harness of hostile mutants: a few hundred of every surface that needs no build, no fault among them; and it finds the faults it is made for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.hostile import arrays, boards, documents, images, network, runner
from bench.hostile.mutate import json_of
from bench.hostile.report import SPARE
from devices.errors import InputError

QUICK = {"network": network.run, "npz": arrays.run_npz, "npy": arrays.run_npy, "idx": arrays.run_idx, "images": images.run, "board": documents.run_board, "bench": documents.run_bench, "agent": boards.run_agent, "serial": boards.run_serial, "probe": boards.run_probe}  # fmt: skip


@pytest.mark.parametrize("name", sorted(QUICK))
def test_no_mutant_is_a_fault(name: str) -> None:
    report = QUICK[name](150, 7)
    assert report.faults == {}
    assert report.mutants == 150
    assert report.accepted
    assert report.refused


def test_conditions_of_a_board() -> None:
    assert boards.run_conditions(150, 7).faults == {}  # what is none is left out


def test_configurations() -> None:
    assert documents.run_config(150, 7).faults == {}


FAULTS = {
    "traceback KeyError": lambda path: {}[path],
    "unnamed": lambda path: (_ for _ in ()).throw(InputError("something is wrong")),
    "memory": lambda path: (b"x" * (SPARE + 2**24)).count(b"y"),
    "hang": lambda path: __import__("time").sleep(60),
    "crash of the process, exit code -9": lambda path: __import__("os").kill(__import__("os").getpid(), 9),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_sort_of_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1 if fault == "hang" else 30
    monkeypatch.setattr(runner, "LIMIT_S", limit)
    monkeypatch.setattr(runner, "FIRST_S", limit)
    path = {"first": True}  # the reading that warms up

    def read(file: Path) -> object:
        if path.pop("first", False):
            return None
        return FAULTS[fault](file)

    report = runner.run(runner.Surface("one", "file", lambda: [b"abc"], lambda content, rng: content, read), 1, 0)
    assert [seen.startswith(fault) for seen in report.faults] == [True]


def test_a_mutant_is_made_from_its_number_alone() -> None:
    value = {"a": [1, 2, {"b": "c"}], "d": None}
    assert [json_of(value, random.Random(k)) for k in range(200)] == [json_of(value, random.Random(k)) for k in range(200)]
