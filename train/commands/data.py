"""nearwire train data: what is in a data set."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer

from devices.common.console import JsonOption, print_json, print_table
from runtime.data.dataset import load_dataset


def show_data(
    name: Annotated[str, typer.Argument(help="A data set's name or path: data, of which nothing is run.")] = "digits", json: JsonOption = False
) -> None:
    """Read a data set and say what is in it."""
    dataset = load_dataset(name)
    splits = {part: getattr(dataset, part) for part in ("train", "validation", "test")}
    if json:
        counts = {part: np.bincount(one.y, minlength=len(dataset.classes)).tolist() for part, one in splits.items()}
        spec = {"scale": dataset.spec.scale, "zero_point": dataset.spec.zero_point}
        print_json({"name": name, "shape": list(dataset.shape), "classes": list(dataset.classes), "input": spec, "samples": counts})
        return
    cells = [[k, label, *(int((one.y == k).sum()) for one in splits.values())] for k, label in enumerate(dataset.classes)]
    cells.append(["", "all", *(len(one) for one in splits.values())])
    where = f"real value = {dataset.spec.scale:.6g} * (byte - {dataset.spec.zero_point})"
    print_table(f"{name}: samples of {' x '.join(map(str, dataset.shape))}, {where}", ["label", "class", *splits], cells)
