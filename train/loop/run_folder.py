"""A run's folder: config.toml, metrics.jsonl, checkpoint.safetensors, and once it is finished network.safetensors, result.json,
curves.html and curves.svg; frames/ where an animation was asked for.

A folder with anything else in it and no config.toml of ours is foreign and never written to. One process at a time writes it: it holds the lock
file in it. What a killed one left (``devices/common/remains.py``) is removed by the next.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.common.files import write_text, write_whole
from devices.common.guard import shown
from devices.common.lock import locked
from devices.common.remains import is_part, sweep
from devices.common.text import warn
from devices.errors import InputError
from train.config import TrainConfig
from train.config.files import make_config, read_toml, to_toml

MARK = "# nearwire training run\n"
LOCK = ".lock"
NUMBER = (int, float)
COLUMNS: dict[str, tuple[type, ...]] = {  # of metrics.jsonl, as far as we read them again
    "epoch": (int,), "phase": (str,), "loss": NUMBER, "validation_accuracy": (*NUMBER, type(None)), "rate": NUMBER, "seconds": NUMBER,
}  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def network(self) -> Path:
        return self.path / "network.safetensors"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    def frame(self, epoch: int) -> Path:
        """Where the network after so many epochs is kept for the animation."""
        return self.path / "frames" / f"epoch-{epoch:05d}.safetensors"

    def frames(self) -> list[Path]:
        """The kept frames in order."""
        return sorted(self.frame(0).parent.glob("epoch-[0-9]*.safetensors"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one that writes the folder; InputError naming the process that is. A folder that was made for this and stays empty goes again."""
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.path / LOCK, f"the run '{self.path}'"):
                for file in (self.config, self.metrics, self.checkpoint, self.network, self.result):
                    sweep(file)
                yield
        finally:
            with contextlib.suppress(OSError):
                for folder in missing:
                    folder.rmdir()

    def is_ours(self) -> bool:
        return self.config.is_file() and self.config.read_text("utf-8", errors="replace").startswith(MARK)

    def check_free(self, force: bool = False) -> None:
        """InputError if the path is a file, a foreign folder, or holds an unfinished run that would be lost (unless ``force``)."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"output '{self.path}' is a file. Give a folder.")
        if not self.is_ours() and self.path.is_dir() and any(not (path.name == LOCK or is_part(path.name)) for path in self.path.iterdir()):
            raise InputError(f"output folder '{self.path}' is not a training run and not empty; it is left alone. Choose another --out.")
        if self.checkpoint.is_file() and not self.network.is_file() and not force:
            raise InputError(f"'{self.path}' holds an unfinished run. Continue it with --resume, drop it with --force, or choose another --out.")

    def check_keeps(self, init: str | None) -> None:
        """InputError if the network to fine-tune is among the files that ``start`` removes."""
        if init is None or init.startswith("zoo:"):
            return
        source, here = Path(init).resolve(), self.path.resolve()
        if here == source or source.parent in (here, self.frame(0).parent.resolve()):
            raise InputError(f"'{init}', the network to fine-tune, is in the output folder '{self.path}', which a new run empties. Choose another.")

    def start(self, config: TrainConfig) -> None:
        """Make the folder, remove what an earlier run of ours left, and write the configuration."""
        self.path.mkdir(parents=True, exist_ok=True)
        drawn = (self.path / "curves.html", self.path / "curves.svg", *self.frames())
        for file in (self.network, self.checkpoint, self.metrics, self.result, *drawn):
            file.unlink(missing_ok=True)
        write_text(self.config, MARK + to_toml(config))
        self.metrics.touch()

    @contextmanager
    def begun(self, config: TrainConfig) -> Iterator[None]:
        """``start``; what it wrote is removed if the block, which keeps the first state, finds the disk full."""
        try:
            self.start(config)
            yield
        except OSError:
            for file in (self.config, self.metrics, self.checkpoint, *self.frames()):
                file.unlink(missing_ok=True)
            raise

    def read_config(self) -> TrainConfig:
        """The configuration of a run to resume; InputError if there is none."""
        if not self.is_ours() or not self.checkpoint.is_file():
            raise InputError(f"there is no run to resume in '{self.path}': it has no config.toml and checkpoint of ours. Start it without --resume.")
        return make_config(read_toml(self.config), f"'{self.config}'")

    def add_metrics(self, row: dict[str, Any]) -> None:
        """A line more. OSError, with the file as it was, where the disk is full."""
        before = self.metrics.stat().st_size if self.metrics.exists() else 0
        try:
            with self.metrics.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, allow_nan=False) + "\n")
        except OSError as error:
            os.truncate(self.metrics, before)
            raise OSError(error.errno, error.strerror, str(self.metrics)) from error

    def add_result(self, result: dict[str, Any]) -> None:
        """What the finished run reports, its seconds included."""
        write_text(self.result, json.dumps(result, allow_nan=False, indent=1) + "\n")

    def cut_metrics(self, epochs: int, write: bool = True) -> list[dict[str, Any]]:
        """Keep the rows of the first ``epochs`` epochs only: what came after the checkpoint is computed again. Without ``write``: read them only.

        A damaged end is cut and said on standard error; InputError naming the line for damage in front of others.
        """
        rows, damaged = read_rows(self.metrics)
        kept = [row for row in rows if row["epoch"] <= epochs]
        if write:
            if damaged is not None:
                warn(f"note: {damaged}; it was cut.")
            if missing := sorted(set(range(1, epochs + 1)) - {row["epoch"] for row in kept}):
                warn(f"note: '{self.metrics}' lacks {len(missing)} of {epochs} finished epochs; the curves will, too.")
            write_whole(self.metrics, "".join(json.dumps(row) + "\n" for row in kept).encode())
        return kept


def read_rows(path: Path) -> tuple[list[dict[str, Any]], str | None]:
    """The rows of metrics.jsonl, and what is wrong with its last line, None if it is whole: a run may be writing it, or was killed at it.

    InputError naming the line for one in front of the last that is damaged or no epoch of ours.
    """
    lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines[:-1], 1):
        last = number == len(lines) - 1 and not lines[-1]
        fault = _fault(line, rows)
        if fault is not None and last:
            return rows, f"the last line of '{path}' is damaged ({fault})"
        if fault is not None:
            raise InputError(f"line {number} of '{path}' is damaged ({fault}): {line[:80]!r}. Remove that line, or train again.")
        rows.append(json.loads(line))
    return rows, f"the last line of '{path}' was not written to its end" if lines[-1] else None


def _fault(line: bytes, rows: list[dict[str, Any]]) -> str | None:
    """Why a line is no row behind ``rows``; None if it is one."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(row, dict) or not set(COLUMNS) <= set(row):
        return f"it must have {', '.join(COLUMNS)}"
    for name, kinds in COLUMNS.items():
        if not isinstance(row[name], kinds) or isinstance(row[name], bool) or (isinstance(row[name], float) and not math.isfinite(row[name])):
            return f"{name} is {shown(row[name])}"
    if row["epoch"] <= (rows[-1]["epoch"] if rows else 0):
        return f"epoch {row['epoch']} is out of order"
    return None


def frame_epochs(frames: int, epochs: int) -> set[int]:
    """The finished epochs after which a frame is kept: the start, the end, and evenly between them."""
    return {round(k * epochs / (frames - 1)) for k in range(frames)} if frames > 1 else set()
