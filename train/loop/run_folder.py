"""A run's folder: config.toml, metrics.jsonl, checkpoint.safetensors, and once it is finished network.safetensors, result.json,
curves.html and curves.svg; frames/ where an animation was asked for.

A folder with anything else in it and no config.toml of ours is foreign and never written to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.common.files import write_whole
from devices.errors import InputError
from train.config import TrainConfig
from train.config.files import make_config, read_toml, to_toml

MARK = "# nearwire training run\n"


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

    def is_ours(self) -> bool:
        return self.config.is_file() and self.config.read_text("utf-8", errors="replace").startswith(MARK)

    def check_free(self, force: bool = False) -> None:
        """InputError if the path is a file, a foreign folder, or holds an unfinished run that would be lost (unless ``force``)."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"output '{self.path}' is a file. Give a folder.")
        if self.path.is_dir() and any(self.path.iterdir()) and not self.is_ours():
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
        self.config.write_text(MARK + to_toml(config), "utf-8")
        self.metrics.touch()

    def read_config(self) -> TrainConfig:
        """The configuration of a run to resume; InputError if there is none."""
        if not self.is_ours() or not self.checkpoint.is_file():
            raise InputError(f"there is no run to resume in '{self.path}': it has no config.toml and checkpoint of ours. Start it without --resume.")
        return make_config(read_toml(self.config), f"'{self.config}'")

    def add_metrics(self, row: dict[str, Any]) -> None:
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")

    def add_result(self, result: dict[str, Any]) -> None:
        """What the finished run reports, its seconds included."""
        self.result.write_text(json.dumps(result, allow_nan=False, indent=1) + "\n", "utf-8")

    def cut_metrics(self, epochs: int, write: bool = True) -> list[dict[str, Any]]:
        """Keep the rows of the first ``epochs`` epochs only: what came after the checkpoint is computed again. Without ``write``: read them only."""
        rows = []
        for line in self.metrics.read_text("utf-8").splitlines() if self.metrics.is_file() else []:
            try:
                row = json.loads(line)
            except ValueError:
                break  # the line that was being written when the run was killed
            if isinstance(row, dict) and row.get("epoch", epochs + 1) <= epochs:
                rows.append(row)
        if not write:
            return rows
        write_whole(self.metrics, "".join(json.dumps(row) + "\n" for row in rows).encode())
        return rows


def frame_epochs(frames: int, epochs: int) -> set[int]:
    """The finished epochs after which a frame is kept: the start, the end, and evenly between them."""
    return {round(k * epochs / (frames - 1)) for k in range(frames)} if frames > 1 else set()
