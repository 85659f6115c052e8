"""What a run found: one JSON file a model and seed, written when the run stops, complete or not.

``epochs_run`` below ``epochs`` marks a run that is shorter than the paper's protocol; every table and figure says so.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from devices.common.documents import read_json
from devices.common.files import write_whole
from devices.common.guard import reading
from train.config import TrainConfig

SHIPPED = Path(__file__).with_name("records")


@dataclass(frozen=True)
class Record:
    """One run of one model."""

    model: str  # a name of train/paper/models.py, with -pruned-PERCENT where pruned in training
    seed: int
    epochs: int  # of the protocol
    epochs_run: int
    test_accuracy: float
    parameters: int
    seconds: float  # of training
    device: str
    versions: dict[str, str]
    protocol: dict[str, Any]  # settings of the run, all of them: defaults may change
    pruned_after: dict[str, float] = field(default_factory=dict)  # percent pruned at once after the training: test accuracy
    pruned_by_weight: dict[str, float] = field(default_factory=dict)  # of spatial networks, the same by mask times size, not by distance

    @property
    def complete(self) -> bool:
        return self.epochs_run >= self.epochs

    def differs_from(self, config: TrainConfig) -> list[str]:
        """The settings in which the run was another one than that of the configuration."""
        return [name for name, value in config.model_dump(mode="json").items() if self.protocol.get(name, value) != value]

    def pruned(self, by_weight: bool) -> dict[str, float]:
        """Percent pruned after the training to test accuracy, of one of the two readings of train/paper/pruning.py."""
        return self.pruned_by_weight if by_weight else self.pruned_after

    @property
    def file(self) -> str:
        return f"{self.model}-seed-{self.seed}.json"

    def write(self, folder: Path) -> Path:
        """The file in ``folder``, whole or not at all."""
        path = folder / self.file
        write_whole(path, (json.dumps({**asdict(self), "complete": self.complete}, indent=1, sort_keys=True) + "\n").encode())
        return path


def read(folder: Path, model: str, seed: int) -> Record | None:
    """The record of a run, None if there is none; InputError if the file is damaged."""
    path = folder / f"{model}-seed-{seed}.json"
    if not path.is_file():
        return None
    where, again = f"record '{path}'", "Remove it, and the run is measured again."
    values = read_json(path, where, again, "cannot be read")
    with reading(where, again):
        return TypeAdapter(Record).validate_python({name: value for name, value in values.items() if name != "complete"})
