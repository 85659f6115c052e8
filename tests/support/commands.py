"""Our commands as tests run them: in this process, which takes no second to start, or as a process of their own.

Both give the exit code and exactly what the command prints; ``tests/test_commands.py`` compares the two.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # warnings that Python does not show by default


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


def run(package: str, *words: str | Path, **environment: str) -> Done:
    """``nearwire PACKAGE WORDS`` in this process, with more environment variables."""
    main = importlib.import_module(f"{package}.__main__").main
    output, errors = _stream(), _stream()
    with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors), _warnings():
        code = _code_of(main, [str(word) for word in words])
    return Done(code, _text(output), _text(errors))


def run_process(package: str, *words: str | Path, **environment: str) -> Done:
    """The same as a process of its own, in the same folder."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]  # a test may have changed the folder
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
    line = [sys.executable, "-m", package, *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, env=variables, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def checked(package: str, *words: str | Path, code: int = 0) -> Done:
    """Run it in this process and check its exit code."""
    done = run(package, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def error_of(package: str, *words: str | Path, code: int = 2) -> str:
    """The one line of a command that fails."""
    lines = checked(package, *words, code=code).stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def _code_of(main, words: list[str]) -> int:  # type: ignore[no-untyped-def]
    """The exit code that Python would end with."""
    try:
        main(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _warnings() -> Iterator[None]:
    """Warnings go to standard error, as in a process of its own, and not to pytest."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in QUIET:
            warnings.simplefilter("ignore", category)
        warnings.showwarning = lambda text, kind, file, line, *_: print(warnings.formatwarning(text, kind, file, line), end="", file=sys.stderr)
        yield
