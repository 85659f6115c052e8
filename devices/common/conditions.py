"""Conditions: what a Linux computer says about itself around a measurement: cores, governor, frequency, temperature, throttling, load.

In: what it says, a text by the name of the file that holds it (``Texts``), read here from the root of a file system (normally ``/``; tests give a
folder that looks like one) or sent by a board (remote_conditions.py). A name is only ever looked up, never opened because a board said it. Out: a
frozen record of plain values. What the computer does not tell is None, never a guess. Only the standard library is used, so the same code runs on
every board.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from devices.common.text import plain

VCGENCMD = ("usr/bin/vcgencmd", "opt/vc/bin/vcgencmd")  # the Raspberry Pi's own command
THROTTLED, CLOCK = "throttled", "clock"  # what it answers to get_throttled and measure_clock arm
FIRMWARE_FLAGS = "/sys/devices/platform/soc/soc:firmware/get_throttled"
CPU = "/sys/devices/system/cpu/cpu"
MODELS = ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name")
FILES = ("/proc/cpuinfo", "/proc/loadavg", "/proc/stat", "/proc/sys/kernel/osrelease", *MODELS, FIRMWARE_FLAGS)
PATTERNS = (  # of the shell and of pathlib
    *(f"{CPU}[0-9]*/cpufreq/{name}" for name in ("scaling_governor", "scaling_cur_freq", "cpuinfo_max_freq")),
    f"{CPU}[0-9]*/thermal_throttle/*_throttle_count",
    "/sys/class/thermal/thermal_zone[0-9]*/temp",
)
MOST_BYTES = 1 << 18  # of one file
LONGEST = 200  # characters of a name
Texts = Mapping[str, str]
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
    names = [*FILES, *(f"/{path.relative_to(root).as_posix()}" for pattern in PATTERNS for path in sorted(root.glob(pattern[1:])))]
    texts = {name: text for name in names if (text := _read(root / name[1:])) is not None}
    if command := next((path for name in VCGENCMD if (path := root / name).is_file()), None):
        texts |= {THROTTLED: _ask(command, "get_throttled"), CLOCK: _ask(command, "measure_clock", "arm")}
    return conditions_in(texts)


def conditions_in(texts: Texts) -> Conditions:
    """The conditions in what a computer says."""
    info = _fields(texts.get("/proc/cpuinfo", ""))
    return Conditions(
        machine=_machine(texts, info),
        core=_cores(info),
        cpus=sum(name == "processor" for name, _ in info) or len({name.split("/")[5] for name in texts if name.startswith(CPU)}) or None,
        kernel=_name(texts.get("/proc/sys/kernel/osrelease")),
        governor=_name("+".join(sorted({text for name, value in _of(texts, "scaling_governor") if (text := _name(value))}))),
        frequency_mhz=_frequency(texts, info),
        frequency_max_mhz=_largest(_of(texts, "cpuinfo_max_freq"), 1e-3),
        temperature_c=_largest(_of(texts, "temp"), 1e-3),
        throttled_flags=_flags(texts),
        throttle_count=_sum(_of(texts, "_throttle_count")),
        load_1min=_first_number(texts.get("/proc/loadavg")),
        stolen_ticks=_stolen(texts.get("/proc/stat", "")),
    )


def _read(path: Path) -> str | None:
    """The file's text; None if it is absent or unreadable."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")
    except OSError:
        return None


def _ask(command: Path, *arguments: str) -> str:
    try:
        return subprocess.run([command, *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _of(texts: Texts, ending: str) -> list[tuple[str, str]]:
    return [(name, text) for name, text in texts.items() if name.startswith("/sys/") and name.endswith(ending)]


def _fields(info: str) -> list[tuple[str, str]]:
    """The lines ``name : value`` of /proc/cpuinfo."""
    lines = (line.partition(":") for line in info.splitlines())
    return [(name.strip(), value.strip()) for name, colon, value in lines if colon]


def _name(text: str | None) -> str | None:
    """A name as it may be shown; None if it is empty."""
    return plain((text or "").strip("\0 \n\t"), LONGEST) or None


def _machine(texts: Texts, info: Iterable[tuple[str, str]]) -> str | None:
    models = (texts.get(name) for name in MODELS)
    return next((name for text in models if (name := _name(text))), None) or _name(
        next((value for name, value in info if name in ("Model", "model name", "Hardware") and value), None)
    )


def _cores(info: Iterable[tuple[str, str]]) -> str | None:
    """``Cortex-A72``, ``4x Cortex-A76 + 4x Cortex-A55``, or the model name that x86 gives."""
    arm: Counter[str] = Counter()
    other: Counter[str] = Counter()
    maker = None
    for name, value in info:
        if name == "CPU implementer":
            maker = value
        elif name == "CPU part" and maker is not None:
            arm[ARM_CORES.get(value, f"Arm part {value}") if maker == "0x41" else f"maker {maker} part {value}"] += 1
            maker = None
        elif name == "model name":
            other[value] += 1
    names = arm or other
    if len(names) <= 1:
        return _name(next(iter(names), None))
    return _name(" + ".join(f"{count}x {name}" for name, count in names.items()))


def _frequency(texts: Texts, info: Iterable[tuple[str, str]]) -> float | None:
    """MHz of the slowest core. The Pi's firmware throttles behind the kernel's back, so its own command is believed first."""
    if match := re.search(r"=([0-9]{1,12})\s*$", texts.get(CLOCK, "")[:LONGEST]):
        return int(match[1]) / 1e6
    values = [value for _, text in _of(texts, "scaling_cur_freq") if (value := _first_number(text)) is not None]
    if values:
        return min(values) / 1e3
    shown = [value for name, text in info if name == "cpu MHz" and (value := _first_number(text)) is not None]
    return min(shown, default=None)


def _flags(texts: Texts) -> int | None:
    if match := re.search(r"=(0x[0-9a-fA-F]{1,8})\b", texts.get(THROTTLED, "")[:LONGEST]):
        return int(match[1], 16)
    match = re.fullmatch(r"\s*((?:0x)?[0-9a-fA-F]{1,8})\s*", texts.get(FIRMWARE_FLAGS, "")[:LONGEST])
    return int(match[1], 16) if match else None


def _stolen(text: str) -> int | None:
    match = re.match(r"cpu(?:[ \t]+[0-9]{1,18}){7}[ \t]+([0-9]{1,18})(?![0-9])", text)
    return int(match[1]) if match else None


def _first_number(text: str | None) -> float | None:
    """The number that a text starts with; no sensor says one of more than 15 digits."""
    match = re.match(r"\s*(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)(?![0-9.])", text or "")
    return float(match[1]) if match else None


def _largest(texts: Iterable[tuple[str, str]], unit: float) -> float | None:
    values = [value for _, text in texts if (value := _first_number(text)) is not None]
    return max(values) * unit if values else None


def _sum(texts: Iterable[tuple[str, str]]) -> int | None:
    values = [value for _, text in texts if (value := _first_number(text)) is not None]
    return int(sum(values)) if values else None
