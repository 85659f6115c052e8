"""The conditions of a board that may have no Python: a constant shell script prints the files they are in, and they are read from its output.

The output is a board's word. Its sections become a mapping from the names that the script asks for to texts; any other name is left out, and none is
ever a path on this computer.
"""

from __future__ import annotations

import fnmatch
import re

from devices.common.conditions import CLOCK, FILES, MOST_BYTES, PATTERNS, THROTTLED, Conditions, conditions_in

MARK = "== nearwire "
SCRIPT = f"""
for f in {" ".join((*FILES, *PATTERNS))}; do
    if [ -r "$f" ]; then echo "{MARK}$f"; head -c {MOST_BYTES} "$f" 2>/dev/null; echo; fi
done
if command -v vcgencmd >/dev/null 2>&1; then
    echo "{MARK}{THROTTLED}"; vcgencmd get_throttled
    echo "{MARK}{CLOCK}"; vcgencmd measure_clock arm
fi
"""
NAMES = re.compile("|".join(fnmatch.translate(name).replace(".*", "[^/]*") for name in (*FILES, *PATTERNS, THROTTLED, CLOCK)))


def conditions_of(text: str) -> Conditions:
    """The conditions in the output of ``SCRIPT``."""
    return conditions_in(sections(text))


def sections(text: str) -> dict[str, str]:
    """What the script printed, by the name of the file; of a name that comes twice the first."""
    parts: dict[str, str] = {}
    for part in f"\n{text}".split(f"\n{MARK}")[1:]:
        name, _, content = part.partition("\n")
        if NAMES.fullmatch(name):
            parts.setdefault(name, content)
    return parts
