"""Processes that tests stop with Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from typing import Any


def interruptible(words: list[str], **more: Any) -> subprocess.Popen[str]:
    """A process that hears SIGINT, also where the tests run in the background of a shell, which makes its children deaf to it."""
    return subprocess.Popen(words, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **more)
