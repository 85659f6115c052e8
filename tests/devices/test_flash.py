"""Flashing: the dry run's command for every tool, the images' formats, and what is said when a tool or a board is missing."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devices.boards.board import load_board
from devices.errors import InputError, NearwireError
from devices.tools import flash, images, toolchain
from devices.tools.program import PORTS, Program, build
from tests.support.needs import needs


def probe(name: str, folder: Path) -> Program:
    board = load_board(name)
    needs(toolchain.missing(board.toolchain))
    return build(board, folder, [], [PORTS / "probe.c"], [])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nrf52840", ["-m", "pyocd", "flash", "--no-wait", "--target", "nrf52840"]),
        ("stm32f411", ["-m", "pyocd", "flash", "--no-wait", "--target", "stm32f411re"]),
        ("esp32c3", ["-m", "esptool", "--chip", "esp32c3", "--port", "/dev/ttyUSB7", "write-flash", "0x0"]),
    ],
)
def test_the_plan_is_the_tools_command(name: str, words: list[str], tmp_path: Path) -> None:
    program = probe(name, tmp_path)
    plan = flash.plan(program.path, program.board, "/dev/ttyUSB7")
    assert list(plan.command) == [sys.executable, *words, str(plan.image)]
    assert plan.image.is_file()


def test_the_esp32c3_image_begins_with_what_its_boot_rom_looks_for(tmp_path: Path) -> None:
    program = probe("esp32c3", tmp_path)
    content = flash.plan(program.path, program.board).image.read_bytes()
    assert content[:8] == bytes.fromhex("1d04dbae") * 2
    assert len(content) == program.sizes.flash


def test_the_pico_image_is_uf2_with_a_valid_second_stage(tmp_path: Path) -> None:
    program = probe("rp2040", tmp_path)
    plan = flash.plan(program.path, program.board)
    assert plan.command[0] == "cp"
    assert plan.command[2].endswith("/RPI-RP2/")
    blocks = plan.image.read_bytes()
    assert len(blocks) % 512 == 0
    flashed = b""
    for k in range(len(blocks) // 512):
        block = blocks[k * 512 : (k + 1) * 512]
        start, second, flags, address, size, number, count, family = struct.unpack("<8I", block[:32])
        assert (start, second, flags, family) == (0x0A324655, 0x9E5D5157, 0x2000, 0xE48BFF56)
        assert (address, size, number, count) == (0x10000000 + 256 * k, 256, k, len(blocks) // 512)
        assert block[-4:] == struct.pack("<I", 0x0AB16F30)
        flashed += block[32 : 32 + 256]
    assert crc32_mpeg2(flashed[:252]) == struct.unpack("<I", flashed[252:256])[0]
    stack, entry = struct.unpack("<2I", flashed[256:264])  # the vector table that the second stage enters
    assert stack == 0x20000000 + program.sizes.stack
    assert entry & 1
    assert 0x10000100 < entry < 0x10000000 + program.sizes.flash


def crc32_mpeg2(content: bytes) -> int:
    """By its other definition: the remainder of the message, its first 32 bits inverted, times x^32."""
    value = int.from_bytes(content, "big") << 32 ^ (0xFFFFFFFF << (8 * len(content)))
    for bit in range(8 * len(content) - 1, -1, -1):
        if value >> (bit + 32) & 1:
            value ^= 0x104C11DB7 << bit
    return value


def test_crc_of_the_checking_string() -> None:
    content = images.with_boot_checksum(b"123456789".ljust(256, b"\0"))
    assert struct.unpack("<I", content[252:])[0] == crc32_mpeg2(b"123456789".ljust(252, b"\0"))
    assert crc32_mpeg2(b"123456789") == 0x0376E6E7  # the catalogue's check value of CRC-32/MPEG-2


def test_a_pico_that_is_not_there_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flash, "MOUNTS", (str(tmp_path / "media"),))
    program = probe("rp2040", tmp_path)
    with pytest.raises(NearwireError, match=r"drive 'RPI-RP2'.*hold BOOTSEL.*firmware\.uf2"):
        flash.flash(program.path, program.board)
    drive = tmp_path / "media" / "me" / "RPI-RP2"
    drive.mkdir(parents=True)
    (drive / "INFO_UF2.TXT").write_text("Model: Raspberry Pi RP2\n")
    done = flash.flash(program.path, program.board)
    assert (drive / "firmware.uf2").read_bytes() == done.image.read_bytes()


def test_a_missing_tool_is_said_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = probe("nrf52840", tmp_path)
    monkeypatch.setattr(flash.importlib.util, "find_spec", lambda name: None)
    assert "pip install pyocd" in str(flash.missing(program.board))
    with pytest.raises(NearwireError, match="pip install pyocd"):
        flash.flash(program.path, program.board)
    assert "pip install esptool" in str(flash.missing(load_board("esp32c3")))


def test_a_tool_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = probe("nrf52840", tmp_path)

    def no_probe(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "0000123 C No connected debug probes\n")

    monkeypatch.setattr(flash.subprocess, "run", no_probe)
    with pytest.raises(NearwireError, match="pyocd failed: 0000123 C No connected debug probes.*connect the debugger's USB port"):
        flash.flash(program.path, program.board)

    def hangs(*_: Any, **__: Any) -> None:
        raise subprocess.TimeoutExpired("pyocd", 300)

    monkeypatch.setattr(flash.subprocess, "run", hangs)
    with pytest.raises(NearwireError, match="did not end within 300 s"):
        flash.flash(program.path, program.board)


def test_real_pyocd_without_a_probe(tmp_path: Path) -> None:
    program = probe("stm32f411", tmp_path)
    with pytest.raises(NearwireError, match="pyocd failed"):
        flash.flash(program.path, program.board)


def test_emulators_are_not_flashed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not flashed: it is emulated"):
        flash.plan(tmp_path / "x.elf", load_board("qemu-microbit"))
    with pytest.raises(InputError, match="not a readable ELF"):
        flash.plan(tmp_path / "x.elf", load_board("esp32c3"))
