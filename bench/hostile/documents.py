"""Surfaces ``config``, ``board`` and ``bench``: TOML and JSON that people write or keep: settings of a training, boards, results of ``runtime bench``."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.hostile.mutate import bytes_of, json_of, toml_of
from bench.hostile.report import Report
from bench.hostile.runner import Surface
from bench.hostile.runner import run as run_surface
from devices.boards import board
from runtime.report.benches import read_benches
from train.config.files import RECIPES, make_config, read_toml, to_toml

BENCH = {
    "rows": [{"device": "host", "build": "b", "backend": "c", "detail": "x", "p50_us": 1.5, "p99_us": 2.0, "instructions": 100.0}],
    "devices": [{"device": "host", "valid": True, "invalid": ["a"], "error": None}],
}


def _toml_files(folder: Path, pattern: str) -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob(pattern))]


def toml(content: bytes, rng: random.Random) -> bytes:
    """A change of the table, or of any byte."""
    return bytes_of(content, rng) if rng.randrange(4) == 0 else toml_of(tomllib.loads(content.decode()), rng).encode("utf-8", "surrogatepass")


def run_config(count: int, seed: int) -> Report:
    """Configurations of a training."""

    def read(path: Path) -> Any:
        return make_config(read_toml(path), f"'{path}'")

    return run_surface(
        Surface("config", "config.toml", lambda: _toml_files(RECIPES, "*.toml"), toml, read, lambda config: to_toml(config)), count, seed
    )


def run_board(count: int, seed: int) -> Report:
    """Boards of a user."""
    load = board.load_board.__wrapped__  # read anew every time
    seeds = lambda: _toml_files(board.FOLDER, "*/*.toml")  # noqa: E731
    return run_surface(Surface("board", "one.toml", seeds, toml, lambda path: load("one", path.parent)), count, seed)


def run_bench(count: int, seed: int) -> Report:
    """Results of ``runtime bench --json``."""

    def mutate(value: Any, rng: random.Random) -> bytes:
        text = json_of(value, rng).encode("utf-8", "surrogatepass")
        return bytes_of(text, rng) if rng.randrange(4) == 0 else text

    return run_surface(Surface("bench", "bench.json", lambda: [BENCH], mutate, lambda path: read_benches([path])), count, seed)
