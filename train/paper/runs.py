"""The runs that an experiment needs: records of models, trained as far as the command's limits say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devices.errors import InputError
from runtime.data.dataset import Dataset, load_dataset
from runtime.network.file import load
from runtime.network.network import Network
from train.loop.fit import Report
from train.paper import records
from train.paper.models import Model
from train.paper.records import Record
from train.paper.run import Limits, run, run_folder

Bar = Callable[[str, int], AbstractContextManager[Report]]


@dataclass
class Runs:
    """How runs are made: where, how many, how long. Gives the records of a model, training what is missing."""

    out: Path
    seeds: int
    limits: Limits
    device: str
    precision: str
    shipped: bool
    only: tuple[str, ...] | None
    bar: Bar
    digit: int = 3  # whose average image is shown to the network of a map

    @cached_property
    def dataset(self) -> Dataset:
        return load_dataset("mnist")

    def chosen(self, models: tuple[Model, ...], usual: list[Model] | None = None) -> list[Model]:
        """Those of --models, ``usual`` or else all without it; InputError for one that the experiment lacks."""
        known = [model.name for model in models]
        unknown = [name for name in self.only or () if name not in known]
        if unknown:
            raise InputError(f"--models names '{unknown[0]}', which is not part of this experiment. Allowed: {', '.join(known)}.")
        if self.only is None:
            return list(models) if usual is None else usual
        return [model for model in models if model.name in self.only]

    def of(self, model: Model, seeds: int | None = None) -> list[Record]:
        """One record a seed, as far as they were run."""
        results = []
        for seed in range(seeds or self.seeds):
            if self.shipped or self.limits.over():
                record = records.read(self.records, model.name, seed)
            else:
                until = self.limits.until(model)
                changes = {} if self.precision == "float32" else {"precision": self.precision}
                with self.bar(f"{model.title}, seed {seed}", until) as report:
                    record = run(model, seed, self.dataset, self.out, self.limits, self.device, report, **changes)
            if record is not None:
                results.append(record)
        return results

    def network(self, record: Record) -> Network:
        """The trained network of a record; InputError where only the record was shipped."""
        path = run_folder(self.out, record.model, record.seed).network
        if self.shipped or not path.is_file():
            raise InputError(
                f"this needs the trained network of '{record.model}', seed {record.seed}, which is not in '{path}'. Run it without --shipped."
            )
        return load(path)

    @property
    def figures(self) -> Path:
        """Where figures are written."""
        return self.out / ("shipped" if self.shipped else "figures")

    @property
    def records(self) -> Path:
        """Where records are read from."""
        return records.SHIPPED if self.shipped else self.out / "records"
