"""Real sensors and tables, trained by the recipes for one's own data: accuracy, macro F1, bytes and exact instructions, mean of several seeds.

python -m bench.sensors FOLDER [--seeds 3] [--only watch-har,ecg5000-2k]. FOLDER holds the sensors' files (.npz) with x, y and
what their splits need. Splits leave out whole people, batches or loads; networks are chosen on validation parts of the training side, the test is read once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.support import records
from compile.pipeline.pipeline import CompileOptions, compile_network
from devices.errors import NearwireError
from runtime.builds.manifest import Manifest
from runtime.data.dataset import load_dataset
from runtime.network.file import load
from runtime.network.network import Array
from runtime.network.reference import labels
from train.config.files import make_config, read_recipe
from train.library import fit

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Task:
    """One data set: its file, how its test part is cut, and the recipe."""

    file: str
    test: Callable[[Arrays], Array]  # (n,) bool: the test samples
    words: str  # of the test part
    recipe: str
    settings: dict[str, Any]


def _own(arrays: Arrays) -> Array:
    return arrays["split"] == 1


FIELD24: dict[str, Any] = {"kind": "field", "outputs": 24}
DENSE8, DENSE12 = ({"kind": "dense", "outputs": outputs, "bits": 4} for outputs in (8, 12))
HEAD: dict[str, Any] = {"kind": "dense", "bits": 4}
TASKS = {
    "watch-har": Task("watch-har", lambda a: a["group"] >= 18, "people 18 to 23", "sensor", {}),
    "ecg5000-2k": Task(
        "ecg5000-2k",
        _own,
        "its own",
        "sensor",
        {"epochs": 150, "batch": 50, "noise": 0.03, "quantise": {"epochs": 25}, "layers": [FIELD24, DENSE12, HEAD]},
    ),
    "gas-drift": Task(
        "gas-drift",
        lambda a: a["group"] > 5,
        "batches 6, 8 and 9",
        "table",
        {"epochs": 60, "batch": 128, "quantise": {"epochs": 15}, "rate": 0.03, "layers": [DENSE8, HEAD]},
    ),
}
KEPT = ("x", "y", "names", "classes", "group")


RECORD = "sensors"
HEADER = ("data, test part", "accuracy", "macro F1", "constants B", "map B", "flash B", "RAM B", "instructions (M4)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(TASKS))
    parser.add_argument("--write", action="store_true", help="Keep the record, and put the table into the README.")
    options = parser.parse_args()
    rows = [measured(name, options.folder, options.seeds) for name in options.only.split(",")]
    print(records.markdown(HEADER, rows))
    if options.write:
        records.write(RECORD, rows)
        records.put(records.markdown(HEADER, rows))


def measured(name: str, folder: Path, seeds: int) -> list[str]:
    """A row of the table: means over the seeds, sizes of the last one."""
    task = TASKS[name]
    with tempfile.TemporaryDirectory(prefix="nearwire-") as place:
        data = _written(task, folder, Path(place))
        results = [_measured(task, data, Path(place), seed) for seed in range(seeds)]
    accuracy, f1 = (float(np.mean([result[k] for result in results])) for k in (0, 1))
    manifest: Manifest = results[-1][2]
    if manifest.size is None or manifest.cost is None:
        raise NearwireError("nothing was measured: there is no compiler for the emulated core. Run: pip install 'nearwire[emulate]'")
    instructions = round(float(np.mean([result[2].cost.instructions for result in results if result[2].cost])))
    sizes = (
        manifest.size.constants_bytes,
        manifest.front.constants_bytes if manifest.front else 0,
        manifest.size.flash_bytes,
        manifest.size.ram_bytes,
    )
    return [f"`{name}`, {task.words}", f"{accuracy:.4f}", f"{f1:.3f}", *(f"{size:,}" for size in sizes), f"{instructions:,}"]


def _written(task: Task, folder: Path, place: Path) -> Path:
    """The data set as a file with its split."""
    with np.load(folder / f"{task.file}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    kept = {key: value for key, value in arrays.items() if key in KEPT}
    path = place / f"{task.file}.npz"
    np.savez(path, **kept, split=task.test(arrays).astype(np.uint8))
    return path


def _measured(task: Task, data: Path, place: Path, seed: int) -> tuple[float, float, Manifest]:
    """(accuracy, macro F1, manifest) of one seed."""
    run, build = place / f"run-{seed}", place / f"build-{seed}"
    recipe = {name: value for name, value in read_recipe(task.recipe).items() if name != "recipe"}
    network = fit(make_config({**recipe, **task.settings, "data": str(data), "seed": seed}, "settings"), out=run)
    manifest = compile_network(run, build, CompileOptions(data=str(data)))
    dataset = load_dataset(str(data), network)
    answers = labels(load(build), dataset.test.x)
    return float((answers == dataset.test.y).mean()), macro_f1(dataset.test.y, answers, len(dataset.classes)), manifest


def macro_f1(truth: Array, answers: Array, classes: int) -> float:
    """The mean over the classes of 2 * right / (answered + true); a class that neither is counts as 0."""
    scores = []
    for k in range(classes):
        both, either = int(((answers == k) & (truth == k)).sum()), int((answers == k).sum() + (truth == k).sum())
        scores.append(2 * both / either if either else 0.0)
    return float(np.mean(scores))


if __name__ == "__main__":
    main()
