"""What runs on a Linux board needs numpy and safetensors, nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pydantic", "typer", "rich", "torch", "onnx", "jinja2"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocked())
import runtime.commands.agent
"""


def test_the_agent_loads_without_what_a_board_may_lack() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
