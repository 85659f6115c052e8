"""The README's tables and the pictures in docs/ are of the networks that are shipped: of their files, and of what their builds measure today."""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench import paper_table, peer_table, sensors, table
from bench.pictures import SHOTS, source
from bench.support import records
from bench.support.figures import source_of
from bench.table import recorded
from devices.errors import InputError, NearwireError
from runtime.network.file import load
from runtime.zoo import names, resolve
from tests.support.builds import Zoo
from tests.support.needs import needs_records

MADE = (table.HEADER, peer_table.HEADER, paper_table.HEADER, sensors.HEADER, ("the paper says", "we find"))
ROOT = Path(__file__).parents[2]
OTHER_COMPILER = 0.05  # how far the flash and the instructions of another version of the compiler may be from the recorded ones


def test_the_readme_s_table_is_that_of_the_record() -> None:
    text = records.README.read_text("utf-8")
    assert records.replaced(text, table.table(recorded())) == text, "run nearwire bench table --write"


def test_the_table_of_sensors_is_that_of_its_record() -> None:
    text = records.README.read_text("utf-8")
    table_of_sensors = records.markdown(sensors.HEADER, records.read(sensors.RECORD))
    assert records.replaced(text, table_of_sensors) == text, "run nearwire bench sensors FOLDER --write"


def test_the_record_is_of_the_files_in_the_zoo() -> None:
    assert sorted(row.network for row in recorded()) == names()
    for row in recorded():
        assert row.network_sha256 == hashlib.sha256(resolve(f"zoo:{row.network}").read_bytes()).hexdigest(), f"run bench.table {row.network} --write"


@pytest.mark.parametrize("name", names())
def test_a_row_is_what_the_build_measures(name: str, zoo: Zoo) -> None:
    manifest = zoo.manifest(name)
    needs_records(manifest.parity)
    (kept,) = (row for row in recorded() if row.network == name)
    now = table.row(name, load(resolve(f"zoo:{name}")), manifest)
    if now.compiler != kept.compiler:
        for what in ("flash_bytes", "ram_bytes", "instructions"):
            assert getattr(now, what) == pytest.approx(getattr(kept, what), rel=OTHER_COMPILER)
        now = replace(now, **{what: getattr(kept, what) for what in ("flash_bytes", "ram_bytes", "instructions", "compiler")})
    assert now == kept, f"run nearwire bench table {name} --write"


def test_the_peers_are_compared_with_the_network_of_today() -> None:
    text = records.README.read_text("utf-8")
    peers = peer_table.recorded()
    assert records.replaced(text, peer_table.table(peers)) == text, "run nearwire bench peer_table --write"
    (ours,) = (row for row in recorded() if row.network == peers[0].name)
    for what in ("accuracy", "flash_bytes", "ram_bytes", "instructions", "compiler"):
        assert getattr(peers[0], what) == getattr(ours, what), "run nearwire bench peers --write"


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.file)
def test_a_picture_of_a_report_is_of_the_network_in_the_zoo(shot: object) -> None:
    assert source_of(ROOT / "docs" / shot.file) == source(shot), f"run nearwire bench pictures {shot.file}"  # type: ignore[attr-defined]


def test_every_figure_file_says_what_it_shows() -> None:
    """A new one needs a test that compares it with where it comes from."""
    figures = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".png", ".svg")]
    assert figures
    assert [path.name for path in figures if not source_of(path)] == []
    assert {path.name for path in (ROOT / "docs").rglob("*.json")} == {"spiking-activity.json"}


def test_every_table_of_figures_in_the_readme_is_made_of_a_record() -> None:
    """A number of three digits stands only in a table that a bench writes, or whose sentences a test compares with the records."""
    text = re.sub(r"```.*?```", "", records.README.read_text("utf-8"), flags=re.S)
    headers = {records.markdown(header, []).splitlines()[0] for header in MADE}
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        header, _, *rows = block.splitlines()
        assert header in headers or not any(re.search(r"\d[.,]\d{2}", row) for row in rows), header


def test_records_are_read_back_and_a_damaged_one_is_one_clear_error(tmp_path: Path) -> None:
    rows = recorded()
    records.write(table.RECORD, [asdict(row) for row in rows], tmp_path)
    assert recorded(tmp_path) == rows
    for content in ("", '[{"network": "x"}]', "[{}]"):
        (tmp_path / "zoo.json").write_text(content)
        with pytest.raises(InputError, match=r"zoo\.json"):
            recorded(tmp_path)


def test_a_build_that_was_not_measured_has_no_row(zoo: Zoo) -> None:
    manifest = zoo.manifest("digits-field").model_copy(update={"cost": None})
    with pytest.raises(NearwireError, match="nothing was measured"):
        table.row("digits-field", load(resolve("zoo:digits-field")), manifest)


def test_a_table_replaces_the_one_with_its_header() -> None:
    new = records.markdown(("a", "b"), [("1", "2")])
    assert new == "| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert records.replaced("before\n| a | b |\n|---|---|\n| old |\n\nafter\n", new) == f"before\n{new}\nafter\n"
    with pytest.raises(ValueError, match="no table"):
        records.replaced("before\n", new)
