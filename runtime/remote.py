"""Builds on a Linux computer other than this one: what is sent there, and sessions that execute it there.

Sent: our own code (runtime and devices, no network files), the build, and the build's C code compiled as a static program. The Python backends
also need numpy, safetensors and their library there: what the board lacks is fetched here, as wheels for its Python and architecture, and sent.
Wheels and our code are kept there for the next visit, which sends them again only if they have changed; everything else is gone when the computer
is closed. A board without Python can still run the C program.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from devices.board import Board
from devices.computers import board_of, is_computer, open_computer
from devices.computers.arm64 import install_wheels
from devices.computers.base import LIMIT_S, Computer, tar_of
from devices.computers.compilers import static_compilers
from devices.computers.emulated import EmulatedComputer
from devices.errors import CheckError, InputError, NearwireError
from runtime.backends import LayerFigure, Session
from runtime.backends.program import ProgramSession, build_program, per_inference
from runtime.bench import BenchOptions, BenchReport, BenchRow, bench, versions
from runtime.build import Build
from runtime.memory import Memory
from runtime.network import Array
from runtime.profile import ProfileRow
from runtime.reference import check_samples, scores

ROOT = Path(__file__).parents[1]
PACKAGES = ("devices", "runtime")
SENT = (".py", ".toml")
BASE = ("numpy", "safetensors")
LIBRARY_OF = {
    "reference": (),
    "onnxruntime": ("onnxruntime",),
    "tflite": ("ai-edge-litert",),
    "litert": ("ai-edge-litert",),
    "tflite-runtime": ("tflite-runtime",),
}
BOARD_BACKENDS = ("c", "onnxruntime", "tflite", "reference")  # what 'all' means on a board
COUNT_RUNS = 8
HERE = "local"
PROBE_LIMIT_S = 120.0
PLATFORMS = {name: tuple(f"manylinux_2_{n}_{name}" for n in (28, 27, 24, 17)) for name in ("x86_64", "aarch64")}


class Visit:
    """A computer with a build on it. Use as a context manager; ``tell`` is called with what is being done."""

    def __init__(self, computer: Computer, board: Board, build: Build, tell: Callable[[str], None] = lambda _: None) -> None:
        self.computer, self.board, self.build, self._tell = computer, board, build, tell
        self._site: str | None = None
        self._compiler = ""

    @cached_property
    def program(self) -> str:
        """The path there of the build's C program."""
        self._tell("compile C for it")
        flags = list(self.board.toolchain.flags)
        compiler, linker = static_compilers(self.board, self.computer)
        content = build_program(self.build.folder, self.build.network, compiler, linker, flags)
        self._compiler = f"{compiler.detail} {' '.join(flags)}"
        return self.computer.put("program", content, executable=True)

    @cached_property
    def code(self) -> str:
        """The folder there with our code, which an earlier visit may have left."""
        files = [(p.relative_to(ROOT).as_posix(), p) for name in PACKAGES for p in sorted((ROOT / name).rglob("*")) if p.suffix in SENT]
        archive = tar_of(files)
        key = f"code-{hashlib.sha256(archive).hexdigest()[:16]}"
        return self.computer.kept(key) or self.computer.keep_tree(key, archive)

    @cached_property
    def place(self) -> str:
        """The folder there with the build."""
        self._tell("send the build")
        files = [(p.relative_to(self.build.folder).as_posix(), p) for p in sorted(self.build.folder.rglob("*")) if p.is_file()]
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
        wanted = [name for name in backends if name != "c"]
        for name in wanted:
            if name not in LIBRARY_OF:
                raise InputError(f"backend '{name}' does not run on a Linux board. Allowed: c, {', '.join(LIBRARY_OF)}.")
        if not wanted:
            return {}
        try:
            words = self.python
        except NearwireError as error:
            return dict.fromkeys(wanted, str(error))
        if isinstance(self.computer, EmulatedComputer):
            self._tell("arm64 wheels")
            self._site = str(self.computer.site(self._requirements(wanted)))
            return {}
        faults = self._faults(wanted)
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
        self, action: str, samples: Array | None = None, counted: bool = False, limit_s: float = LIMIT_S, **request: Any
    ) -> tuple[Any, list[int]]:
        """The agent's answer there, and the marks that a counting emulator saw."""
        request |= {"action": action, "build": self.place}
        path = self.code + (f":{self._site}" if self._site else "")
        words = ["env", f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1", *self.python, "-m", "runtime.agent", json.dumps(request)]
        stdin = b"" if samples is None else np.ascontiguousarray(samples).tobytes()
        marks: list[int] = []
        if counted:
            found = self.computer.instructions(words, stdin, limit_s)
            if found is None:
                raise NearwireError(f"instructions cannot be counted on '{self.computer.name}'.")
            done, marks = found
        else:
            done = self.computer.run(words, stdin, limit_s)
        done.check(f"running our Python code ({action})", self.computer.name)
        try:
            answer = json.loads(done.out)
        except ValueError as error:
            raise NearwireError(f"'{self.computer.name}' answered with something else than JSON: {done.out[:80]!r}.") from error
        if "error" in answer and action != "bench":
            kind = {2: InputError, 3: CheckError}.get(answer["exit_code"], NearwireError)
            raise kind(f"on '{self.computer.name}': {answer['error']}")
        return answer, marks

    def session(self, backend: str, threads: int = 1) -> Session:
        """A session that executes there."""
        if backend == "c":
            counter = self._count if self.computer.emulated else None
            self.program  # noqa: B018 (compiled and sent now)
            return ProgramSession(self.build.network, self._run_program, f"{self._compiler} on {self.computer.detail}", counter)
        faults = self.prepare([backend])
        if faults:
            raise NearwireError(f"backend '{backend}' cannot work on '{self.computer.name}': {faults[backend]}")
        return AgentSession(self, backend, threads)

    def close(self) -> None:
        self.computer.close()

    def _run_program(self, arguments: Sequence[str], stdin: bytes) -> bytes:
        return self.computer.run([self.program, *arguments], stdin).check("running the build's C program", self.computer.name).out

    def _count(self, arguments: Sequence[str], stdin: bytes) -> list[int]:
        found = self.computer.instructions([self.program, *arguments], stdin)
        if found is None:
            raise NearwireError(f"instructions cannot be counted on '{self.computer.name}'.")
        found[0].check("running the build's C program", self.computer.name)
        return found[1]

    def _faults(self, names: Sequence[str]) -> dict[str, str]:
        """Why each backend does not work there; one process each, because a broken library may crash."""
        found = {}
        for name in names:
            self._tell(f"try {name}")
            try:
                reason = self.ask("probe", backend=name, limit_s=PROBE_LIMIT_S)[0]["missing"]
            except NearwireError as error:
                reason = str(error)
            if reason:
                found[name] = str(reason)
        return found

    def _bring_wheels(self, names: Sequence[str], words: Sequence[str], anew: bool = False) -> bool:
        """Put what the backends need on the board's path; True if an earlier visit has left it there, which ``anew`` replaces."""
        if self.computer.architecture not in PLATFORMS:
            raise NearwireError(f"there are no wheels for '{self.computer.architecture}' in the package index; install the library there yourself.")
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = self.computer.run([*words, "-c", code]).check("asking its Python's version", self.computer.name).out.decode().strip()
        requirements = self._requirements(names)
        key = f"site-{hashlib.sha256(' '.join([version, self.computer.architecture, *requirements]).encode()).hexdigest()[:16]}"
        self._site = None if anew else self.computer.kept(key)
        if self._site is not None:
            self._tell("wheels kept there")
            return True
        self._tell("wheels for it")
        with tempfile.TemporaryDirectory(prefix="nearwire-wheels-") as folder:
            install_wheels(requirements, version, PLATFORMS[self.computer.architecture], Path(folder))
            files = [(path.relative_to(folder).as_posix(), path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]
            self._site = self.computer.keep_tree(key, tar_of(files), replace=anew)
        return False

    @staticmethod
    def _requirements(names: Sequence[str]) -> list[str]:
        """numpy, safetensors and the libraries, each in the version that is installed here, so that figures compare."""
        packages = {*BASE, *(library for name in names for library in LIBRARY_OF[name])}
        wanted = []
        for package in sorted(packages):
            try:
                wanted.append(f"{package}=={importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                wanted.append("numpy<2" if package == "numpy" and "tflite-runtime" in packages else package)
        return wanted


class AgentSession(Session):
    """One Python backend there; every request is a process of its own."""

    def __init__(self, visit: Visit, backend: str, threads: int) -> None:
        self._visit, self._backend, self._threads = visit, backend, threads
        self._network = visit.build.network
        self.detail = f"{backend} on {visit.computer.detail}"

    def scores(self, samples: Array) -> Array:
        flat = check_samples(self._network, samples)
        answer, _ = self._visit.ask("scores", flat, backend=self._backend, threads=self._threads)
        self.detail = f"{answer['detail']} on {self._visit.computer.detail}"
        values = np.frombuffer(base64.b64decode(answer["scores"]), "<i4")
        return values.reshape(len(flat), -1).copy() if len(flat) else np.zeros((0, self._network.layers[-1].outputs), np.int32)

    def time_ns(self, sample: Array, runs: int) -> Array | None:
        raise InputError("times are measured by the board itself: use runtime.bench_devices.")

    def layers(self, samples: Array) -> list[LayerFigure]:
        answer, _ = self._visit.ask("layers", check_samples(self._network, samples), backend=self._backend, threads=self._threads)
        return [LayerFigure(**figure) for figure in answer["layers"]]

    def instructions(self, samples: Array) -> Array | None:
        if not self._visit.computer.emulated:
            return None
        counted = [count_there(self._visit, [self._backend], sample)[self._backend][0] for sample in check_samples(self._network, samples)]
        return np.rint(counted).astype(np.int64)

    def close(self) -> None:
        pass


class VisitSession(Session):
    """A session there that ends the visit when it is closed."""

    def __init__(self, visit: Visit, inner: Session) -> None:
        self._visit, self._inner, self.detail = visit, inner, inner.detail

    def scores(self, samples: Array) -> Array:
        found = self._inner.scores(samples)
        self.detail = self._inner.detail
        return found

    def time_ns(self, sample: Array, runs: int) -> Array | None:
        return self._inner.time_ns(sample, runs)

    def timer_ns(self, runs: int) -> Array | None:
        return self._inner.timer_ns(runs)

    def layers(self, samples: Array) -> list[LayerFigure]:
        return self._inner.layers(samples)

    def instructions(self, samples: Array) -> Array | None:
        return self._inner.instructions(samples)

    def close(self) -> None:
        self._inner.close()
        self._visit.close()


def session_on(build: Build, backend: str, device: str, threads: int = 1) -> Session | str:
    """A session on the Linux computer that ``device`` names; the link, if it names something else (``HERE``: this computer)."""
    board = board_of(device)
    if not is_computer(board):
        return board.link
    visit = Visit(open_computer(board), board, build)
    try:
        return VisitSession(visit, visit.session(backend, threads))
    except BaseException:
        visit.close()
        raise


def count_there(visit: Visit, backends: Sequence[str], sample: Array) -> dict[str, tuple[float, str]]:
    """(instructions of one inference, detail) by Python backend, from one process on a counting emulator; CheckError for wrong scores."""
    answer, marks = visit.ask("count", sample[None], counted=True, backends=list(backends), runs=COUNT_RUNS)
    expected = scores(visit.build.network, sample[None])[0].tolist()
    found = {}
    for k, name in enumerate(backends):
        part = answer["backends"][name]
        if part["scores"] != expected:
            raise CheckError(f"backend '{name}' ({part['detail']}) computes other scores than the integer reference on '{visit.computer.name}'.")
        found[name] = (per_inference(marks[3 * k : 3 * k + 3], COUNT_RUNS), part["detail"])
    return found


def bench_there(visit: Visit, backends: Sequence[str], samples: Array, options: BenchOptions) -> BenchReport:
    """A report of the computer: times measured by itself, or instructions where it is emulated. Backends that cannot work there are notes."""
    name, computer = visit.computer.name, visit.computer
    faults = visit.prepare(backends)
    notes = tuple(f"{backend} left out: {reason}" for backend, reason in faults.items())
    usable = [backend for backend in backends if backend not in faults]
    if not usable:
        return BenchReport(name, notes=notes, error="no backend works there")
    if computer.emulated:
        return _bench_emulated(visit, usable, samples[:1], notes)
    if usable == ["c"]:  # no Python is needed there: rounds are driven from here
        report = bench(_OneBackend(visit), ["c"], samples, options, conditions=computer.conditions)
        return _of_device(report, visit, notes)
    program = visit.program if "c" in usable else None
    raw, _ = visit.ask(
        "bench", samples, backends=usable, options=vars(options), program=program, limit_s=LIMIT_S + 2 * len(usable) * options.max_secs
    )
    if "rows" not in raw:
        raise NearwireError(f"on '{name}': {raw.get('error')}")
    return _of_device(BenchReport.from_dict(raw), visit, notes)


class _OneBackend(Build):
    """A build whose only session is the C program there."""

    def __init__(self, visit: Visit) -> None:
        for key, value in (("folder", visit.build.folder), ("manifest", visit.build.manifest), ("network", visit.build.network), ("visit", visit)):
            object.__setattr__(self, key, value)

    def session(self, backend_name: str, device: str | None = None, threads: int = 1) -> Session:
        return self.visit.session("c")  # type: ignore[attr-defined,no-any-return]


def _bench_emulated(visit: Visit, backends: Sequence[str], samples: Array, notes: tuple[str, ...]) -> BenchReport:
    found: Mapping[str, tuple[float, str]] = {}
    if python := [name for name in backends if name != "c"]:
        found = count_there(visit, python, samples[0])
    if "c" in backends:
        session = visit.session("c")
        if not np.array_equal(session.scores(samples), scores(visit.build.network, samples)):
            raise CheckError(f"backend 'c' computes other scores than the integer reference on '{visit.computer.name}'.")
        counted = session.instructions(samples)
        found = {**found, "c": (float(counted.mean()), visit._compiler)} if counted is not None else found
    device, build = visit.computer.name, visit.build.folder.name
    rows = tuple(BenchRow(device, build, name, f"{found[name][1]} on {visit.computer.detail}", 1, instructions=found[name][0]) for name in backends)
    state = visit.computer.conditions()
    return BenchReport(device, rows, state, state, notes=notes, versions=versions())


def _of_device(report: BenchReport, visit: Visit, notes: tuple[str, ...]) -> BenchReport:
    """The board's own report under its name here, with the build's name here."""
    name, build = visit.computer.name, visit.build.folder.name
    rows = []
    for row in report.rows:
        detail = f"{visit._compiler}, static" if row.backend == "c" else row.detail
        memory = Memory(**vars(row.memory)) if row.memory else None
        operators = tuple(ProfileRow(**vars(entry)) for entry in row.operators)
        rows.append(BenchRow(**{**vars(row), "device": name, "build": build, "detail": detail, "memory": memory, "operators": operators}))
    return BenchReport(name, tuple(rows), report.before, report.after, report.invalid, (*notes, *report.notes), report.versions)
