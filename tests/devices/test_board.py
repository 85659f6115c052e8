"""Boards: every file is valid and complete, and a broken one is refused with the name of the field."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from devices.boards.board import FOLDER, Board, board_names, load_board
from devices.errors import InputError
from devices.tools.program import PORTS
from tests.support.commands import checked, error_of

GOOD = (FOLDER / "emulated" / "emulated-cortex-m4.toml").read_text()


@pytest.mark.parametrize("name", board_names())
def test_every_board_is_valid(name: str) -> None:
    board = load_board(name)
    assert board.name == name
    assert board.emulated or board.link != "unicorn"
    assert board.status == ("never run on silicon" if board.link in ("serial", "ssh") else "")
    assert board.port is None or all((PORTS / file).is_file() for file in board.port.sources)
    assert not board.cost_of or board.cost_of in board_names()
    assert board.cost_note


def test_unknown_board_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'emulated-cortex-m4'"):
        load_board("emulated-cortexm4")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("flash_bytes = 2097152", "flash_bytes = 0", "memory.flash_bytes"),
        ("ram_bytes = 262144", 'ram_bytes = "many"', "memory.ram_bytes"),
        ("ram_bytes = 262144", "", "memory.ram_bytes"),
        ('link = "unicorn"', 'link = "pigeon"', "link"),
        ('core = "Cortex-M4"', 'core = "Cortex-M4"\ncolour = "red"', "colour"),
        ("[emulator]", "[emulator]\nspeed = 1", "emulator.speed"),
        ("[memory]", "[memory", "not valid TOML"),
        ('core = "Cortex-M4"', 'core = "Cortex-M4"\nname = "other"', "'name'"),
    ],
)
def test_a_broken_file_is_refused_by_field(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    (tmp_path / "mine.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=named):
        load_board("mine", tmp_path)


def test_an_emulated_board_needs_memory_and_core(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('description = ""\ncore = "x"\nlink = "unicorn"\n[toolchain]\ncompiler = "zig"\n')
    with pytest.raises(InputError, match="memory"):
        load_board("mine", tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not valid TOML"):
        load_board("mine", tmp_path)


def test_boards_are_immutable() -> None:
    board = load_board("host")
    with pytest.raises(ValueError, match="frozen"):
        board.core = "other"  # type: ignore[misc]
    assert isinstance(board, Board)


BROKEN = {
    "x.toml": b"[memory",
    "y.toml": b"\xff\xfe",
    "lab/deep.toml": b"a = " + b"[" * 50_000,
    "lab/[bold]\x1b[31m.toml": b'core = "x"\n',
    "number.toml": b"clock_hz = " + b"9" * 5000,
}


def test_broken_files_of_a_user_hide_no_other_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEARWIRE_BOARDS", str(tmp_path))
    good = set(board_names())
    for name, content in BROKEN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "nowhere.toml").symlink_to("/nonexistent")
    (tmp_path / "mine.toml").write_text(GOOD)
    names = {name.removesuffix(".toml") for name in (*BROKEN, "folder.toml", "pipe.toml", "nowhere.toml")}
    done = checked("devices", "list", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {name for name, row in rows.items() if row["status"] == "broken"} == names
    assert set(rows) == good | names | {"mine"}
    assert all(f"board file '{tmp_path}" in rows[name]["description"] for name in names)
    table = checked("devices", "list").stdout
    assert "broken" in table
    assert "\x1b" not in table
    for name in names:
        assert "board file" in error_of("devices", "show", name)
    assert [row for row in json.loads(checked("devices", "doctor", "mine", "--json").stdout) if row["works"]]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "99999999999999999999", "4294967296", "[1]"])
def test_a_memory_that_cannot_be(tmp_path: Path, value: str) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("flash_bytes = 2097152", f"flash_bytes = {value}"))
    with pytest.raises(InputError, match=r"memory\.flash_bytes"):
        load_board("mine", tmp_path)
