"""The command that makes a build again, without any machine's paths: options that differ from their defaults, the network by its name."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.zoo import names, resolve

FLAGS = {  # budget: its option, the unit behind its value
    "flash_bytes": ("--max-flash", ""),
    "ram_bytes": ("--max-ram", ""),
    "instructions": ("--max-instructions", ""),
    "latency_us": ("--max-latency", "us"),
    "accuracy": ("--min-accuracy", ""),
}


def network_word(source: Path) -> str:
    """``zoo:NAME`` for a network of the zoo, else the name of the run folder or file."""
    if source.stem in names() and source == resolve(f"zoo:{source.stem}"):
        return f"zoo:{source.stem}"
    return source.parent.name if source.name == "network.safetensors" and source.parent.name else source.name


def command_line(source: Path, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """``options`` and ``defaults``: fields of CompileOptions as a dict; budgets as a dict of limits, bytes in bytes."""
    words = ["nearwire compile", shlex.quote(network_word(source))]
    for name, value in options.items():
        if name == "budgets":
            words += [f"{FLAGS[limit][0]} {amount}{FLAGS[limit][1]}" for limit, amount in value.items() if amount is not None]
        elif name == "packages":
            words += [f"--package {','.join(value)}"] if value else []
        elif isinstance(value, bool):
            words += [f"--{'' if value else 'no-'}{name.replace('_', '-')}"] if value != defaults.get(name) else []
        elif value != defaults.get(name):
            shown = Path(str(value)).name if name == "data" else str(value)
            words.append(f"--{name.replace('_', '-')} {shlex.quote(shown)}")
    return " ".join(words)
