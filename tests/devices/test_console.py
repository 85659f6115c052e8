"""What is printed is literal: any text from outside comes through tables, lines, messages and progress without markup or a control character obeyed;
and a command that is ended by a signal cleans up and says so by its status.
"""

from __future__ import annotations

import ast
import ctypes
import io
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from devices.common import console
from devices.common.interrupts import deferred
from devices.common.text import plain, say, warn
from devices.errors import NearwireError

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "[/x]",
    "[bold]",
    "[link=https://x]y[/link]",
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "a\nb",
    "\r",
    "\x00",
    "\ud800",
    "\u202egnp",
    ":smile:",
    "\\[x]",
    "𝔫",
    "",
    " ",
]
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]")
TEXT = st.text(st.characters(), max_size=40) | st.sampled_from(HOSTILE)
PRINTERS = {  # the files that may print, and why
    "devices/common/text.py": "the one that prints",
    "devices/common/console.py": "prints what is a document",
    "nearwire/command.py": "loads no library to say what there is",
    **{f"{package}/__main__.py": "another module has the name of what it would print with" for package in ("train", "compile", "runtime", "devices")},
    "runtime/measure/memory_process.py": "JSON for its parent",
    "runtime/backends/tflite/profiler.py": "JSON for its parent",
}


def _without_blanks(text: str) -> str:
    return "".join(text.split())


@given(title=TEXT, header=TEXT, cell=TEXT, other=TEXT)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_goes_through_a_table(title: str, header: str, cell: str, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(title, [header, "b"], [[cell, 5], [other, "-"]])
    out = capsys.readouterr().out
    assert not OBEYED.search(out)
    for text in (title, header, cell, other):
        assert _without_blanks(plain(text)) in _without_blanks(out)


@given(text=TEXT)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_goes_through_lines_and_errors(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text, "second")
    warn(text)
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise NearwireError(text)

    with pytest.raises(SystemExit) as done:
        console.run_app(app, [], "x")
    assert done.value.code == 1
    out, err = capsys.readouterr()
    assert out == f"{plain(text)}\nsecond\n"
    assert err == f"{plain(text)}\nerror: {plain(text)}\n"
    assert not OBEYED.search(out + err)


@given(text=TEXT)
@settings(max_examples=100, deadline=None)
def test_any_text_goes_through_progress_on_a_terminal(text: str) -> None:
    written = io.StringIO()
    terminal = Console(file=written, force_terminal=True, width=200, no_color=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "Console", lambda **_: terminal)
        with console.spinner(text) as progress:
            progress(text)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", written.getvalue())  # what rich itself does with the line
    assert not OBEYED.search(shown)
    assert _without_blanks(plain(text)) in _without_blanks(shown)


@given(text=st.text(st.characters()), limit=st.integers(1, 30))
def test_plain_text_is_one_printable_line(text: str, limit: int) -> None:
    assert plain(text).isprintable()
    assert len(plain(text, limit)) <= limit
    assert plain(plain(text)) == plain(text)
    if text.isprintable():
        assert plain(text) == text


def test_a_character_that_the_output_cannot_encode_is_an_escape() -> None:
    words = [sys.executable, "-c", "from devices.__main__ import main; main(['show', 'h\\u00f6st'])"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert "error: unknown board 'h\\xf6st'" in done.stderr


def test_only_the_console_prints() -> None:
    """So that what is printed is literal wherever it comes from."""
    for floor in ("devices", "runtime", "compile", "train", "nearwire"):
        for path in (ROOT / floor).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            tree = ast.parse(path.read_text("utf-8"))
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            printing = [
                f for f in calls if (isinstance(f, ast.Name) and f.id == "print") or (isinstance(f, ast.Attribute) and f.attr in ("echo", "secho"))
            ]
            assert not printing or name in PRINTERS, f"{name} prints by itself: use devices.common.text.say or warn"


SLEEPER = """
import sys, tempfile, time, typer
from devices.common.console import run_app
app = typer.Typer()
@app.command()
def wait() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1], prefix="nearwire-"):
        print("ready", flush=True)
        time.sleep(60)
run_app(app, [], "x")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_signals_end_a_command_as_ctrl_c_does(tmp_path: Path, number: int, code: int) -> None:
    def default() -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)

    words = [sys.executable, "-c", SLEEPER, str(tmp_path)]
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, preexec_fn=default) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert list(tmp_path.iterdir())
        started = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 10
    assert process.returncode == code
    assert "error: interrupted." in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_signals_are_left_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    app = typer.Typer()
    app.command()(lambda: None)
    with pytest.raises(SystemExit):
        console.run_app(app, [], "x")
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_signal_within_a_callback_is_kept_until_the_library_is_back() -> None:
    """ctypes prints an exception of a callback and goes on: the Ctrl-C would be lost."""
    steps: list[str] = []

    @ctypes.CFUNCTYPE(None)
    def callback() -> None:
        signal.raise_signal(signal.SIGINT)
        steps.append("callback ended")

    def library() -> None:
        with deferred(lambda: steps.append("asked to stop")):
            callback()
            steps.append("library ended")

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            library()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, handler)
    assert steps == ["asked to stop", "callback ended", "library ended"]
