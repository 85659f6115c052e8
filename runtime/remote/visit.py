"""Builds on a Linux computer other than this one: what is sent there, and how it is asked. Sessions on it: sessions.py.

Sent: our own code (runtime and devices, no network files), the build, and the build's C code compiled as a static program. The Python backends
also need numpy, safetensors and their library there: what the board lacks is fetched here, as wheels for its Python and architecture, and sent.
Wheels and our code are kept there for the next visit, which sends them again only if they have changed; everything else is gone when the computer
is closed. A board without Python can still run the C program.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from devices.boards.board import Board
from devices.common.temporary import temporary_folder
from devices.computers.arm64 import install_wheels
from devices.computers.base import ANSWER_BYTES, LIMIT_S, Computer, digest_of, python_version, tar_of
from devices.computers.compilers import static_compilers
from devices.computers.emulated import EmulatedComputer
from devices.errors import InputError, NearwireError
from runtime.backends.c.program import build_program
from runtime.backends.registry import find, library_names, packages_of, travelling
from runtime.builds.build import Build
from runtime.builds.manifest import OUTPUTS
from runtime.network.network import Array
from runtime.remote.answers import A, Probe, answer, request

ROOT = Path(__file__).parents[2]
PACKAGES = ("devices", "runtime")
SENT = (".py", ".toml")
BASE = ("numpy", "safetensors")
PROBE_LIMIT_S = 120.0
PLATFORMS = {name: tuple(f"manylinux_2_{n}_{name}" for n in (28, 27, 24, 17)) for name in ("x86_64", "aarch64")}


class Visit:
    """A computer with a build on it. Use as a context manager; ``tell`` is called with what is being done."""

    def __init__(self, computer: Computer, board: Board, build: Build, tell: Callable[[str], None] = lambda _: None) -> None:
        self.computer, self.board, self.build, self._tell = computer, board, build, tell
        self._site: str | None = None
        self.compiler = ""  # of the program, once it was compiled

    @cached_property
    def program(self) -> str:
        """The path there of the build's C program."""
        self._tell("compile C for it")
        flags = list(self.board.toolchain.flags)
        compiler, linker = static_compilers(self.board, self.computer)
        content = build_program(self.build.folder, self.build.network, compiler, linker, flags)
        self.compiler = f"{compiler.detail} {' '.join(flags)}"
        return self.computer.put("program", content, executable=True)

    @cached_property
    def code(self) -> str:
        """The folder there with our code, which an earlier visit may have left."""
        files = [(p.relative_to(ROOT).as_posix(), p) for name in PACKAGES for p in sorted((ROOT / name).rglob("*")) if p.suffix in SENT]
        archive = tar_of(files)
        key = f"code-{hashlib.sha256(archive).hexdigest()[:16]}"
        return self.computer.kept(key, digest_of(archive)) or self.computer.keep_tree(key, archive)

    @cached_property
    def place(self) -> str:
        """The folder there with the build."""
        self._tell("send the build")
        found = [(p.relative_to(self.build.folder).as_posix(), p) for p in sorted(self.build.folder.rglob("*")) if p.is_file()]
        files = [(name, p) for name, p in found if not name.startswith(OUTPUTS)]
        return self.computer.put_tree("build", tar_of(files))

    @cached_property
    def python(self) -> tuple[str, ...]:
        """The words that start its Python; NearwireError if it has none."""
        words = self.computer.python()
        if words is None:
            raise NearwireError(
                f"'{self.computer.name}' has no Python 3.11 or newer (field 'linux.python'); install one there, or use the backend 'c', which needs none."
            )
        return words

    def prepare(self, backends: Sequence[str]) -> dict[str, str]:
        """Make the Python backends work there; returns why those that cannot do not. What is missing there is fetched here and sent."""
        names = [name for name in backends if not ((entry := find(name)) and entry.travels == "program")]
        for name in names:
            if (entry := find(name)) is None or not entry.travels:
                raise InputError(f"backend '{name}' does not run on a Linux board. Allowed: {', '.join([*travelling(), *library_names()])}.")
        if not names:
            return {}
        try:
            words = self.python
        except NearwireError as error:
            return dict.fromkeys(names, str(error))
        if isinstance(self.computer, EmulatedComputer):
            self._tell("arm64 wheels")
            self._site = str(self.computer.site(self._requirements(names)))
            return {}
        faults = self._faults(names)
        if faults:
            try:
                kept = self._bring_wheels(list(faults), words)
                still = self._faults(list(faults))
                if still and kept:  # what an earlier visit left does not work any more
                    self._bring_wheels(list(faults), words, anew=True)
                    still = self._faults(list(faults))
            except NearwireError as error:
                return dict.fromkeys(faults, str(error))
            return still
        return faults

    def ask(
        self,
        kind: type[A],
        samples: Array | None = None,
        counted: bool = False,
        limit_s: float = LIMIT_S,
        most_bytes: int = ANSWER_BYTES,
        **fields: Any,
    ) -> tuple[A, list[int]]:
        """The agent's answer there, checked, and the marks that a counting emulator saw. NearwireError for anything else than such an answer."""
        asked = request(kind, build=self.place, **fields)
        path = self.code + (f":{self._site}" if self._site else "")
        words = ["env", f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1", *self.python, "-m", "runtime.commands.agent", json.dumps(asked)]
        stdin = b"" if samples is None else np.ascontiguousarray(samples).tobytes()
        marks: list[int] = []
        if counted:
            reply = self.computer.instructions(words, stdin, limit_s, most_bytes)
            if reply is None:
                raise NearwireError(f"instructions cannot be counted on '{self.computer.name}'.")
            done, marks = reply
        else:
            done = self.computer.run(words, stdin, limit_s, most_bytes)
        done.check(f"running our Python code ({kind.ACTION})", self.computer.name)
        return answer(kind, done.out, self.computer.name), marks

    def close(self) -> None:
        self.computer.close()

    def run_program(self, arguments: Sequence[str], stdin: bytes, most_bytes: int) -> bytes:
        done = self.computer.run([self.program, *arguments], stdin, most_bytes=most_bytes)
        return done.check("running the build's C program", self.computer.name).out

    def count_program(self, arguments: Sequence[str], stdin: bytes) -> list[int]:
        reply = self.computer.instructions([self.program, *arguments], stdin)
        if reply is None:
            raise NearwireError(f"instructions cannot be counted on '{self.computer.name}'.")
        reply[0].check("running the build's C program", self.computer.name)
        return reply[1]

    def _faults(self, names: Sequence[str]) -> dict[str, str]:
        """Why each backend does not work there; one process each, because a broken library may crash."""
        faults = {}
        for name in names:
            self._tell(f"try {name}")
            try:
                reason = self.ask(Probe, backend=name, limit_s=PROBE_LIMIT_S)[0].missing
            except NearwireError as error:
                reason = str(error)
            if reason:
                faults[name] = reason
        return faults

    def _bring_wheels(self, names: Sequence[str], words: Sequence[str], anew: bool = False) -> bool:
        """Put what the backends need on the board's path; True if an earlier visit has left it there, which ``anew`` replaces."""
        if self.computer.architecture not in PLATFORMS:
            raise NearwireError(f"there are no wheels for '{self.computer.architecture}' in the package index; install the library there yourself.")
        numbers = python_version(self.computer, words)
        if numbers is None:
            raise NearwireError(f"the Python of '{self.computer.name}' does not say its version.")
        version = ".".join(map(str, numbers))
        requirements = self._requirements(names)
        key = f"site-{hashlib.sha256(' '.join([version, self.computer.architecture, *requirements]).encode()).hexdigest()[:16]}"
        self._site = None if anew else self.computer.kept(key)
        if self._site is not None:
            self._tell("wheels kept there")
            return True
        self._tell("wheels for it")
        with temporary_folder() as folder:
            install_wheels(requirements, version, PLATFORMS[self.computer.architecture], Path(folder))
            files = [(path.relative_to(folder).as_posix(), path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]
            self._site = self.computer.keep_tree(key, tar_of(files), replace=anew)
        return False

    @staticmethod
    def _requirements(names: Sequence[str]) -> list[str]:
        """numpy, safetensors and the libraries, each in the version that is installed here, so that figures compare."""
        packages = {*BASE, *(library for name in names for library in packages_of(name))}
        requirements = []
        for package in sorted(packages):
            try:
                requirements.append(f"{package}=={importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                requirements.append("numpy<2" if package == "numpy" and "tflite-runtime" in packages else package)
        return requirements
