"""What the README and docs/ say of the paper's claims is what the shipped records say."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from bench import paper_table
from bench.support import records
from bench.support.figures import source_of
from tests.support.commands import checked
from train.paper.records import SHIPPED

DOCS = Path(__file__).parents[2] / "docs" / "paper" / "shipped"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every table and figure of the records, the figures drawn now."""
    folder = tmp_path_factory.mktemp("paper")
    return json.loads(checked("train", "paper", "all", "--shipped", "--out", folder, "--json").stdout)


def test_the_readme_s_table_is_that_of_the_shipped_records() -> None:
    text = records.README.read_text("utf-8")
    assert records.replaced(text, paper_table.table(SHIPPED)) == text, "run nearwire bench paper_table --write"


def test_the_figures_in_docs_are_of_the_shipped_records(shown: dict[str, Any]) -> None:
    drawn = [Path(file) for name in ("fig3a", "fig3b", "fig5") for file in shown[name]["files"]]
    assert {path.name for path in drawn} == {path.name for path in DOCS.iterdir()}
    for path in drawn:
        assert source_of(DOCS / path.name) == source_of(path) is not None, "run nearwire train paper all --shipped --out docs/paper"


def test_the_readme_finds_what_the_records_say(shown: dict[str, Any]) -> None:
    """Every number of the second column, computed again."""
    text = records.README.read_text("utf-8")
    (block,) = re.findall(r"^\| the paper says \| we find \|\n\|---\|---\|\n((?:\|.*\n)+)", text, flags=re.M)
    rows = [row.strip("|\n ").split(" | ")[1] for row in block.splitlines()]

    def of(figure: str, model: str, at: float) -> list[float]:
        curve = next(curve for curve in shown[figure]["curves"] if curve["model"] == model)
        return next(point["test_accuracy"] for point in curve["points"] if point["at"] == at)

    def mean(figure: str, model: str, at: float, digits: int) -> str:
        return f"{statistics.mean(of(figure, model, at)):.{digits}f}"

    ours = {row["model"]: row["ours"]["mean"] for row in shown["table2"]["rows"]}
    wanted = (
        [f"{ours['snn-3d']:.4f} against {ours['snn-14']:.4f}"],
        [f"at 80 % {mean('fig3a', 'mlp-3d', 80, 2)} against {mean('fig3a', 'mlp-14', 80, 2)} and {mean('fig3a', 'mlp-14-normal', 80, 2)}"],
        [
            f"{mean('fig3a', 'mlp-3d', 95, 2)} ± {statistics.stdev(of('fig3a', 'mlp-3d', 95)):.2f} against {mean('fig3a', 'mlp-2048-normal', 95, 2)}",
            f"at 90 % {mean('fig3a', 'mlp-3d', 90, 2)} against {mean('fig3a', 'mlp-2048-normal', 90, 2)}",
            f"no: {mean('fig3a', 'mlp-2048', 95, 2)}",
        ],
        [f"{mean('fig3b', 'mlp-3d', at, 4)} against {mean('fig3b', 'mlp-14', at, 4)} at {at} %" for at in (60, 80)],
        [
            f"yes: {mean('fig3b', 'mlp-3d', 80, 4)}",
            "{:.4f} to {:.4f}".format(*(pick(of("fig3b", "mlp-3d", at)[0] for at in (20, 40, 60)) for pick in (min, max))),
        ],
        [
            ", ".join(mean("fig5", "mlp-3d", d, 3) for d in (3, 5, 8, 16, 32)),
            f"{mean('fig5', 'mlp-14', 3, 3)} to {mean('fig5', 'mlp-14', 32, 3)}",
        ],
    )
    for row, parts in zip(rows, wanted, strict=True):
        assert [part for part in parts if part not in row] == [], row
    crossings = " ".join(shown["fig3a"]["claims"])
    assert "ahead of MLP, 14 hidden: from 50 %" in crossings
    assert "ahead of MLP, 14 hidden, wide start: from 60 %" in crossings
