"""The conditions of a board that may have no Python: a constant shell script prints the files they are in, and they are read here."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path, PurePosixPath

from devices.computers.conditions import FIRMWARE_FLAGS, Conditions, read_conditions

MARK = "== nearwire "
SCRIPT = f"""
for f in /proc/cpuinfo /proc/loadavg /proc/stat /proc/sys/kernel/osrelease /proc/device-tree/model /sys/class/dmi/id/product_name \\
    /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor /sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq \\
    /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq /sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count \\
    /sys/class/thermal/thermal_zone*/temp /{FIRMWARE_FLAGS}; do
    if [ -r "$f" ]; then echo "{MARK}$f"; cat "$f" 2>/dev/null; echo; fi
done
if command -v vcgencmd >/dev/null 2>&1; then
    echo "{MARK}throttled"; vcgencmd get_throttled
    echo "{MARK}clock"; vcgencmd measure_clock arm
fi
"""


def conditions_of(text: str) -> Conditions:
    """The conditions in the output of ``SCRIPT``."""
    parts = dict(re.findall(rf"^{MARK}(\S+)\n(.*?)(?=^{MARK}|\Z)", text, re.MULTILINE | re.DOTALL))
    with tempfile.TemporaryDirectory(prefix="nearwire-") as folder:
        root = Path(folder)
        for name, content in parts.items():
            if name.startswith("/") and ".." not in PurePosixPath(name).parts:
                _write(root / name[1:], content)
        if found := re.search(r"throttled=(0x[0-9a-fA-F]+)", parts.get("throttled", "")):
            _write(root / FIRMWARE_FLAGS, found[1])
        if found := re.search(r"=(\d+)", parts.get("clock", "")):  # the firmware's clock is the true one
            for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq"):
                path.write_text(str(int(found[1]) // 1000))
        return read_conditions(root)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, errors="replace")
