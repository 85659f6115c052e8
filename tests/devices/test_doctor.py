"""Doctor and the devices command: tried, not guessed; exit codes and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devices.boards.board import board_names, load_board
from devices.commands import app as command
from devices.commands import doctor
from devices.errors import NearwireError
from devices.links import qemu, unicorn
from devices.tools import flash, program, toolchain
from tests.support.needs import needs
from tests.support.tools import M4, needs_emulator


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        command.main(list(words))
    captured = capsys.readouterr()
    return int(done.value.code or 0), captured.out, captured.err


def test_working_boards_work() -> None:
    needs_emulator()
    needs(toolchain.missing(load_board("host").toolchain))
    findings = doctor.examine([load_board("host"), load_board(M4)])
    assert [finding.works for finding in findings] == [True, True]
    assert "instructions on the emulated Cortex-M4" in findings[1].detail


def test_what_is_missing_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicorn.importlib.util, "find_spec", lambda name: None)
    (finding,) = doctor.examine([load_board(M4)])
    assert not finding.works
    assert finding.fix == "pip install unicorn pyelftools capstone"


def test_a_compiler_that_fails_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_emulator()

    def fail(*_: object) -> None:
        raise NearwireError("zig could not compile it: error: no space")

    monkeypatch.setattr(toolchain.Compiler, "run", fail)
    (finding,) = doctor.examine([load_board(M4)])
    assert not finding.works
    assert "no space" in finding.detail
    assert finding.fix


def test_a_wrong_result_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    needs_emulator()
    monkeypatch.setattr(unicorn.Core, "call", lambda *_, **__: 5)
    monkeypatch.setattr(unicorn.Core, "count", lambda *_, **__: unicorn.Count(1))
    (finding,) = doctor.examine([load_board(M4)])
    assert not finding.works
    assert "returned 5" in finding.detail


def test_list_and_show_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0
    assert [entry["name"] for entry in json.loads(out)] == board_names()
    code, out, _ = run(capsys, "show", M4, "--json")
    assert code == 0
    assert json.loads(out)["memory"]["flash_bytes"] == 2 * 1024 * 1024


def test_list_and_show_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Cortex-M0+" in run(capsys, "list")[1]
    assert "pairs_of_inputs" in run(capsys, "show", "stm32f411")[1]  # the tables of the board that stands in
    host = run(capsys, "show", "host")[1]
    assert "wide_fours" in host  # its own
    assert "steady_neurons" in host  # what it has none of, of the board that stands in


def test_exit_codes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = run(capsys, "show", "emulated-cortex-m44")
    assert code == 2
    assert "Did you mean" in err
    monkeypatch.setattr(command, "examine", lambda boards: [doctor.Finding(b.name, b.name == "host", "") for b in boards])
    assert run(capsys, "doctor", "host")[0] == 0
    assert run(capsys, "doctor")[0] == 3
    assert run(capsys, "doctor", "nowhere")[0] == 2
    code, out, _ = run(capsys, "doctor", M4, "--json")
    assert code == 3
    assert json.loads(out)[0]["works"] is False


@pytest.mark.parametrize("name", ["qemu-mps2-an386", "qemu-riscv32-virt", "qemu-microbit"])
def test_a_board_of_qemu_answers_on_its_uart(name: str) -> None:
    board = load_board(name)
    needs(qemu.missing(board) or toolchain.missing(board.toolchain))
    (finding,) = doctor.examine([board])
    assert finding.works, finding.detail
    assert "/dev/" in finding.detail


def test_what_a_board_of_qemu_lacks_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu.shutil, "which", lambda _: None)
    findings = doctor.examine([load_board("qemu-mps2-an505"), load_board("qemu-riscv32-virt")])
    assert [finding.fix for finding in findings] == ["apt install qemu-system-arm", "apt install qemu-system-misc"]
    assert "qemu-system-arm is not installed" in findings[0].detail


def test_a_real_board_is_built_for_and_its_status_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    board = load_board("rp2040")
    needs(flash.missing(board) or toolchain.missing(board.toolchain))
    (finding,) = doctor.examine([board])
    assert finding.works, finding.detail
    assert finding.detail.startswith("never run on silicon; builds with")
    code, out, _ = run(capsys, "doctor", "rp2040")
    assert code == 0
    assert "builds" in out
    assert "never run on silicon" in run(capsys, "list")[1]
    assert "never run on silicon" in run(capsys, "show", "esp32c3")[1]


def test_what_a_real_board_lacks_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash.importlib.util, "find_spec", lambda _: None)
    findings = doctor.examine([load_board(name) for name in ("nrf52840", "esp32c3", "rp2040")])
    assert [finding.fix for finding in findings] == ["pip install pyocd", "pip install esptool", "pip install pyserial"]


def test_flashing_a_program_with_a_dry_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    board = load_board("stm32f411")
    needs(toolchain.missing(board.toolchain))
    path = program.build(board, tmp_path, [], [program.PORTS / "probe.c"], []).path
    code, out, _ = run(capsys, "flash", str(path), "--board", "stm32f411", "--dry-run")
    assert code == 0
    assert out.strip().endswith(f"-m pyocd flash --no-wait --target stm32f411re {path}")
    code, _, err = run(capsys, "flash", str(tmp_path / "none.elf"), "--board", "stm32f411", "--dry-run")
    assert code == 2
    assert "no program at" in err
