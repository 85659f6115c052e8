"""The emulated Pi: QEMU's user-mode emulation of an Arm core runs real arm64 programs, Debian's Python among them, out of a folder.

Emulated times mean nothing; executed instructions are counted by a plugin (count.c). The core is always named: QEMU's default one computes
wrong int8 results.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from devices.boards.board import Board, Toolchain
from devices.common.cache import cached_folder
from devices.common.conditions import Conditions, read_conditions
from devices.common.processes import TooMuch, run_bounded
from devices.common.temporary import temporary_folder
from devices.computers import arm64
from devices.computers.base import ANSWER_BYTES, LIMIT_S, Computer, Done, too_much
from devices.errors import InputError, NearwireError
from devices.tools.toolchain import compiler_for

QEMU = "qemu-aarch64"
INSTALL = "apt install qemu-user"
GETPPID = 173  # the system call's number on arm64
MOST_MARKS_BYTES = 1 << 20
PLUGIN = Path(__file__).with_name("count.c")


def missing() -> str | None:
    """None if the emulator is there; otherwise what is missing and the command that installs it."""
    return None if shutil.which(QEMU) else f"the emulator {QEMU} is not installed. Run: {INSTALL}"


class EmulatedComputer(Computer):
    """An arm64 computer with one core type, emulated program by program."""

    architecture = "aarch64"
    emulated = True

    def __init__(self, board: Board) -> None:
        if lack := missing():
            raise NearwireError(f"board '{board.name}': {lack}")
        core = (board.linux and board.linux.qemu_core) or ""
        if core not in arm64.CORES:
            raise InputError(f"board '{board.name}': field 'linux.qemu_core' is '{core}'; allowed: {', '.join(arm64.CORES)}.")
        self.name, self._core = board.name, core
        self._root = arm64.root_folder(core)
        self._work = temporary_folder()
        self.folder = self._work.name
        self.detail = f"emulated {board.core}, {_version()}"
        self._site: Path | None = None

    def run(self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES) -> Done:
        return self._run((), words, stdin, limit_s, most_bytes)

    def put(self, name: str, content: bytes, executable: bool = False) -> str:
        path = Path(self.folder) / name
        path.write_bytes(content)
        if executable:
            path.chmod(0o755)
        return str(path)

    def put_tree(self, name: str, archive: bytes) -> str:
        path = Path(self.folder) / name
        with tarfile.open(fileobj=io.BytesIO(archive)) as entries:
            entries.extractall(path, filter="data")
        return str(path)

    def python(self) -> tuple[str, ...]:
        return (str(arm64.python_of(self._root)[0]),)

    def site(self, requirements: Sequence[str]) -> Path:
        """A folder with real arm64 wheels for its Python, for PYTHONPATH."""
        return arm64.site_folder(requirements, arm64.python_of(self._root)[1])

    def conditions(self) -> Conditions:
        host = read_conditions(self._root)
        return Conditions(core=f"{host.core}, emulated on this computer")  # nothing else of it is real

    def instructions(
        self, words: Sequence[str], stdin: bytes = b"", limit_s: float = LIMIT_S, most_bytes: int = ANSWER_BYTES
    ) -> tuple[Done, list[int]]:
        counts = Path(self.folder) / "counts"
        counts.unlink(missing_ok=True)
        done = self._run(("-plugin", f"{_plugin()},out={counts},mark={GETPPID}"), words, stdin, limit_s, most_bytes)
        return done, self._marks(counts)

    def _marks(self, counts: Path) -> list[int]:
        """What the plugin counted; the emulated program can reach the file."""
        with contextlib.suppress(FileNotFoundError):
            with counts.open("rb") as file:
                words = file.read(MOST_MARKS_BYTES).split()
            if all(word.isdigit() and len(word) < 19 for word in words):
                return [int(word) for word in words]
            raise NearwireError(f"'{self.name}': the counting emulator wrote something else than counts.")
        return []

    def close(self) -> None:
        self._work.cleanup()

    def _run(self, options: Sequence[str], words: Sequence[str], stdin: bytes, limit_s: float, most_bytes: int) -> Done:
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        program = list(words)
        while program[:1] == ["env"] or "=" in program[0]:  # settings before the program are QEMU's to pass on
            word = program.pop(0)
            if "=" in word:
                environment[word.partition("=")[0]] = word.partition("=")[2]
        line = [QEMU, "-cpu", self._core, "-L", str(self._root), *options, *program]
        try:
            done = run_bounded(line, stdin, limit_s, most_bytes, self.folder, environment)
        except subprocess.TimeoutExpired as error:
            raise NearwireError(f"'{self.name}': {program[0]} did not end within {limit_s:.0f} s.") from error
        except TooMuch as error:
            raise too_much(self.name, most_bytes) from error
        if done.code < 0:
            raise NearwireError(f"'{self.name}': {program[0]} was ended by signal {-done.code}.")
        return Done(done.code, done.out, done.err)


def _plugin() -> Path:
    """The counting plugin, compiled for this machine's QEMU."""

    def make(folder: Path) -> None:
        flags = ["-O2", "-shared", "-fPIC", "-Wl,--unresolved-symbols=ignore-all"]
        compiler_for(Toolchain(compiler="host")).run([*flags, "-o", folder / "count.so", PLUGIN], "the plugin that counts instructions")

    return cached_folder(f"arm64/plugin-{PLUGIN.stat().st_mtime_ns:x}", make) / "count.so"


def _version() -> str:
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=False, env=dict(os.environ)).stdout
    words = text.split()
    return f"QEMU {words[2]}" if len(words) > 2 else "QEMU"
