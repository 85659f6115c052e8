"""Conditions: what a Linux computer says about itself around a measurement: cores, governor, frequency, temperature, throttling, load.

In: the root of its file system, normally ``/``; tests give a folder that looks like one. Out: a frozen record of plain values. What the
computer does not tell is None, never a guess. Only the standard library is used, so the same code runs on every board.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

VCGENCMD = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")  # the Raspberry Pi's own command
FIRMWARE_FLAGS = "sys/devices/platform/soc/soc:firmware/get_throttled"
# CPU part numbers of /proc/cpuinfo; implementer 0x41 is Arm Ltd.
ARM_CORES = {
    "0xb76": "ARM1176",
    "0xc07": "Cortex-A7",
    "0xc08": "Cortex-A8",
    "0xc09": "Cortex-A9",
    "0xc0f": "Cortex-A15",
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd41": "Cortex-A78",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}


@dataclass(frozen=True)
class Conditions:
    """The state of a computer at one moment. Frequencies are the cores' current ones, the slowest first asked: MHz; temperature: degrees Celsius."""

    machine: str | None = None  # what the maker calls it
    core: str | None = None  # core types, with how many of each where they differ
    cpus: int | None = None
    kernel: str | None = None
    governor: str | None = None  # several are joined by '+'
    frequency_mhz: float | None = None  # of the slowest core
    frequency_max_mhz: float | None = None  # what the fastest core may reach
    temperature_c: float | None = None  # the hottest zone
    throttled_flags: int | None = None  # Raspberry Pi: bits 0-3 now, bits 16-19 since boot (under-voltage, capped, throttled, soft limit)
    throttle_count: int | None = None  # x86: throttle events of all cores since boot
    load_1min: float | None = None
    stolen_ticks: int | None = None  # time that a hypervisor gave to others since boot, 1/100 s

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Conditions:
        """The record of ``to_dict``; unknown fields of another version are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in raw.items() if name in known})


def read_conditions(root: Path = Path("/")) -> Conditions:
    """The conditions of the computer whose file system is at ``root``."""
    info = _text(root / "proc/cpuinfo") or ""
    vcgencmd = next((path for name in VCGENCMD if (path := root / name).is_file()), None)
    return Conditions(
        machine=_machine(root, info),
        core=_cores(info),
        cpus=_processors(root, info),
        kernel=_text(root / "proc/sys/kernel/osrelease"),
        governor=_governor(root),
        frequency_mhz=_frequency(root, info, vcgencmd),
        frequency_max_mhz=_largest(root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq"), 1e-3),
        temperature_c=_largest(root.glob("sys/class/thermal/thermal_zone*/temp"), 1e-3),
        throttled_flags=_flags(root, vcgencmd),
        throttle_count=_sum(root.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/*_throttle_count")),
        load_1min=_first_number(_text(root / "proc/loadavg")),
        stolen_ticks=_stolen(root),
    )


def _text(path: Path) -> str | None:
    """The file's text, stripped; None if it is absent, unreadable or empty."""
    try:
        return path.read_text(errors="replace").strip("\0 \n\t") or None
    except OSError:
        return None


def _machine(root: Path, info: str) -> str | None:
    for name in ("proc/device-tree/model", "sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name"):
        if text := _text(root / name):
            return text
    found = re.search(r"^(?:Model|model name|Hardware)\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1].strip() if found else None


def _cores(info: str) -> str | None:
    """``Cortex-A72``, ``4x Cortex-A76 + 4x Cortex-A55``, or the model name that x86 gives."""
    parts = re.findall(r"^CPU implementer\s*:\s*(\S+)(?:.*\n)*?CPU part\s*:\s*(\S+)", info, re.MULTILINE)
    names = Counter(ARM_CORES.get(part, f"Arm part {part}") if maker == "0x41" else f"maker {maker} part {part}" for maker, part in parts)
    if not names:
        names = Counter(name.strip() for name in re.findall(r"^model name\s*:\s*(.+)$", info, re.MULTILINE))
    if len(names) <= 1:
        return next(iter(names), None)
    return " + ".join(f"{count}x {name}" for name, count in names.items())


def _processors(root: Path, info: str) -> int | None:
    counted = len(re.findall(r"^processor\s*:", info, re.MULTILINE))
    return counted or len(list(root.glob("sys/devices/system/cpu/cpu[0-9]*"))) or None


def _governor(root: Path) -> str | None:
    found = {text for path in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor") if (text := _text(path))}
    return "+".join(sorted(found)) or None


def _frequency(root: Path, info: str, vcgencmd: Path | None) -> float | None:
    """MHz of the slowest core. The Pi's firmware throttles behind the kernel's back, so its own command is asked first."""
    if vcgencmd and (found := re.search(r"=(\d+)$", _ask(vcgencmd, "measure_clock", "arm"))):
        return int(found[1]) / 1e6
    values = [v for path in root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq") if (v := _first_number(_text(path))) is not None]
    if values:
        return min(values) / 1e3
    shown = [float(text) for text in re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", info, re.MULTILINE)]
    return min(shown) if shown else None


def _flags(root: Path, vcgencmd: Path | None) -> int | None:
    if vcgencmd and (found := re.search(r"=(0x[0-9a-fA-F]+)", _ask(vcgencmd, "get_throttled"))):
        return int(found[1], 16)
    text = _text(root / FIRMWARE_FLAGS)
    return int(text, 16) if text and re.fullmatch(r"(0x)?[0-9a-fA-F]+", text) else None


def _ask(command: Path, *arguments: str) -> str:
    try:
        return subprocess.run([command, *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _stolen(root: Path) -> int | None:
    found = re.match(r"cpu\s+((?:\d+\s*)+)", _text(root / "proc/stat") or "")
    numbers = found[1].split() if found else []
    return int(numbers[7]) if len(numbers) > 7 else None


def _first_number(text: str | None) -> float | None:
    found = re.match(r"-?[\d.]+", text or "")
    return float(found[0]) if found else None


def _largest(paths: Any, unit: float) -> float | None:
    values = [value for path in paths if (value := _first_number(_text(path))) is not None]
    return max(values) * unit if values else None


def _sum(paths: Any) -> int | None:
    values = [value for path in paths if (value := _first_number(_text(path))) is not None]
    return int(sum(values)) if values else None
