"""Folders that look like the root of a Linux board, for tests of its conditions."""

from __future__ import annotations

from pathlib import Path

PI4_CPU = "processor\t: {k}\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {part}\n\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def pi(root: Path, mhz: int = 1800, flags: str = "0x0", celsius: float = 48.3, governor: str = "performance", firmware: bool = True) -> Path:
    """A Raspberry Pi 4, with its vcgencmd or (``firmware`` False) with sysfs only."""
    write(root, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    write(root, "proc/cpuinfo", "".join(PI4_CPU.format(k=k, part="0xd08") for k in range(4)))
    write(root, "proc/loadavg", "0.12 0.10 0.09 1/120 4321\n")
    write(root, "proc/stat", "cpu  10 0 20 30 0 0 0 5 0 0\ncpu0 10 0 20 30 0 0 0 5 0 0\n")
    write(root, "proc/sys/kernel/osrelease", "6.6.31+rpt-rpi-v8\n")
    for k in range(4):
        write(root, f"sys/devices/system/cpu/cpu{k}/cpufreq/scaling_governor", f"{governor}\n")
        write(root, f"sys/devices/system/cpu/cpu{k}/cpufreq/scaling_cur_freq", f"{mhz * 1000}\n")
        write(root, f"sys/devices/system/cpu/cpu{k}/cpufreq/cpuinfo_max_freq", "1800000\n")
    write(root, "sys/class/thermal/thermal_zone0/temp", f"{celsius * 1000:.0f}\n")
    if firmware:
        script = f'#!/bin/sh\ncase "$1" in\nget_throttled) echo throttled={flags};;\nmeasure_clock) echo "frequency(48)={mhz * 1000000}";;\nesac\n'
        write(root, "usr/bin/vcgencmd", script)
        (root / "usr/bin/vcgencmd").chmod(0o755)
    else:
        write(root, "sys/devices/platform/soc/soc:firmware/get_throttled", flags.removeprefix("0x") + "\n")
    return root
