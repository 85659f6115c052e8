"""The README's table of the paper's claims, made from the records in the package: nearwire bench paper_table [--write]

A row for every model of the paper that has records. Printed, or with --write put into the README in place of the table that is there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.support.records import put
from train.paper import records
from train.paper.models import MODELS, Model
from train.paper.records import Record
from train.paper.tables import Row, markdown

HEADER = ("model", "paper", "ours", "seeds", "epochs run")


def recorded(folder: Path, model: Model) -> list[Record]:
    """Every seed's record, in order."""
    seeds = sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob(f"{model.name}-seed-*.json"))
    return [record for seed in seeds if (record := records.read(folder, model.name, seed)) is not None]


def table(folder: Path) -> str:
    """The table in Markdown; runs that are shorter than the paper's are bold."""
    rows = []
    for model in MODELS.values():
        records = recorded(folder, model)
        if records:
            title, _, paper, ours, _, seeds, epochs = Row(model, records).cells()
            complete = all(record.complete for record in records)
            rows.append((title, paper, ours, seeds, epochs if complete else f"**{epochs}**"))
    return markdown(HEADER, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put it into README.md")
    new = table(records.SHIPPED)
    if parser.parse_args().write:
        put(new)
    print(new, end="")


if __name__ == "__main__":
    main()
