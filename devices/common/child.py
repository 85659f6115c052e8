"""A module of ours in a Python process of its own: with this process's interpreter and our packages, whatever the current folder holds.

``python -m runtime...`` would run a user's own runtime.py. So this file is what the process starts, without the current folder on its path
(-P); it imports our packages from their place and goes on as ``python -m MODULE`` does.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(module: str, *words: str) -> list[str]:
    """The words that run ``module`` with ``words`` as its arguments."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), module, *words]


def _run(module: str) -> None:
    sys.path.insert(0, str(ROOT))
    package = module.partition(".")[0]
    for name in dict.fromkeys(("devices", "runtime", "compile", "train", package)):
        if (ROOT / name / "__init__.py").is_file():  # a board has but the first two
            import_module(name)
    sys.path.remove(str(ROOT))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    _run(sys.argv[0])
