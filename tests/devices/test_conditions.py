"""Conditions are read from files that look like a board's; what a board does not tell is None."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devices.common.conditions import Conditions, read_conditions
from tests.support.boards import PI4_CPU, pi, write


@pytest.mark.parametrize("firmware", [True, False])
def test_a_raspberry_pi(tmp_path: Path, firmware: bool) -> None:
    found = read_conditions(pi(tmp_path, mhz=1500, flags="0x50005", firmware=firmware))
    assert found == Conditions(
        machine="Raspberry Pi 4 Model B Rev 1.4",
        core="Cortex-A72",
        cpus=4,
        kernel="6.6.31+rpt-rpi-v8",
        governor="performance",
        frequency_mhz=1500,
        frequency_max_mhz=1800,
        temperature_c=pytest.approx(48.3),
        throttled_flags=0x50005,
        throttle_count=None,
        load_1min=0.12,
        stolen_ticks=5,
    )


def test_the_firmware_knows_the_clock_better_than_the_kernel(tmp_path: Path) -> None:
    root = pi(tmp_path, mhz=600)
    for k in range(4):
        write(root, f"sys/devices/system/cpu/cpu{k}/cpufreq/scaling_cur_freq", "1800000\n")
    assert read_conditions(root).frequency_mhz == 600


def test_cores_that_differ_and_an_x86(tmp_path: Path) -> None:
    parts = ["0xd05"] * 4 + ["0xd0b"] * 2 + ["0xfff"]
    write(tmp_path, "proc/cpuinfo", "".join(PI4_CPU.format(k=k, part=part) for k, part in enumerate(parts)))
    assert read_conditions(tmp_path).core == "4x Cortex-A55 + 2x Cortex-A76 + 1x Arm part 0xfff"
    write(tmp_path, "proc/cpuinfo", "".join(f"processor\t: {k}\nmodel name\t: Some CPU @ 3.00GHz\ncpu MHz\t\t: {2900 + k}.5\n\n" for k in range(2)))
    for k in range(2):
        write(tmp_path, f"sys/devices/system/cpu/cpu{k}/thermal_throttle/core_throttle_count", "3\n")
    found = read_conditions(tmp_path)
    assert (found.core, found.machine, found.cpus, found.frequency_mhz, found.throttle_count) == (
        "Some CPU @ 3.00GHz",
        "Some CPU @ 3.00GHz",
        2,
        2900.5,
        6,
    )


def test_nothing_told_is_nothing_known(tmp_path: Path) -> None:
    assert read_conditions(tmp_path) == Conditions()


def test_damaged_files_are_nothing_known(tmp_path: Path) -> None:
    write(tmp_path, "proc/loadavg", "busy\n")
    write(tmp_path, "proc/stat", "cpu\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "hot")
    write(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "maybe")
    write(tmp_path, "usr/bin/vcgencmd", "not a program")
    assert read_conditions(tmp_path) == Conditions()


def test_this_computer_and_json() -> None:
    found = read_conditions()
    assert found.cpus
    assert Conditions.from_dict({**json.loads(json.dumps(found.to_dict())), "of a later version": 1}) == found
