"""What networks are, what they compute, and how builds of them run; a part of nearwire. ``runtime.load`` is the way in: see runtime/session.py."""

from __future__ import annotations

from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """``load`` on demand: importing a part of the package loads nothing else."""
    if name == "load":
        from runtime.session import load

        return load
    raise AttributeError(f"module 'runtime' has no attribute '{name}'")
