"""Boards: every file is valid and complete, and a broken one is refused with the name of the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.boards.board import FOLDER, Board, board_names, load_board
from devices.errors import InputError
from devices.tools.program import PORTS

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
