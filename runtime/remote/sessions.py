"""Sessions on any device: this computer, an emulated core, a board on a port, or another Linux computer (visit.py).

``open_session`` stands above backends and remote computers: whoever has a build and the name of a backend opens it here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from devices.computers import board_of, is_computer, open_computer
from devices.errors import CheckError, InputError, NearwireError
from runtime.backends import LayerFigure, Session, open_here
from runtime.backends.c.program import ProgramSession, per_inference
from runtime.backends.registry import is_program
from runtime.builds.build import Build
from runtime.network.network import Array
from runtime.network.reference import check_samples, scores
from runtime.remote.answers import Count, Layers, Scores
from runtime.remote.visit import Visit

COUNT_RUNS = 8
HERE = "local"  # the link of this computer


def open_session(build: Build, backend: str, device: str | None = None, threads: int = 1) -> Session:
    """Open the build with one backend, on the board ``device`` where the backend needs one (None: the build's own), with ``threads`` where
    it can use several; InputError if the backend is unknown, NearwireError with the fix if it cannot work there.
    """
    if device is None:
        return open_here(build, backend, threads)
    board = board_of(device)
    if not is_computer(board):
        return open_here(build, backend, threads, None if board.link == HERE else device)
    visit = Visit(open_computer(board), board, build)
    try:
        return VisitSession(visit, session_there(visit, backend, threads))
    except BaseException:
        visit.close()
        raise


def session_there(visit: Visit, backend: str, threads: int = 1) -> Session:
    """A session on the visited computer, which stays open behind it."""
    if is_program(backend):
        counter = visit.count_program if visit.computer.emulated else None
        visit.program  # noqa: B018 (compiled and sent now)
        return ProgramSession(visit.build.network, visit.run_program, f"{visit.compiler} on {visit.computer.detail}", counter)
    faults = visit.prepare([backend])
    if faults:
        raise NearwireError(f"backend '{backend}' cannot work on '{visit.computer.name}': {faults[backend]}")
    return AgentSession(visit, backend, threads)


class AgentSession(Session):
    """One Python backend there; every request is a process of its own."""

    def __init__(self, visit: Visit, backend: str, threads: int) -> None:
        self._visit, self._backend, self._threads = visit, backend, threads
        self._network = visit.build.network
        self.detail = f"{backend} on {visit.computer.detail}"

    def scores(self, samples: Array) -> Array:
        flat = check_samples(self._network, samples)
        outputs, where = self._network.layers[-1].outputs, self._visit.computer
        most_bytes = Scores.most_bytes(len(flat), outputs)
        answer, _ = self._visit.ask(Scores, flat, most_bytes=most_bytes, backend=self._backend, threads=self._threads)
        self.detail = f"{answer.detail} on {where.detail}"
        return answer.values(len(flat), outputs, where.name)

    def time_ns(self, sample: Array, runs: int) -> Array | None:
        raise InputError("times are measured by the board itself: use runtime.measure.devices.")

    def layers(self, samples: Array) -> list[LayerFigure]:
        answer, _ = self._visit.ask(Layers, check_samples(self._network, samples), backend=self._backend, threads=self._threads)
        return answer.figures()

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
        scores = self._inner.scores(samples)
        self.detail = self._inner.detail
        return scores

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


def count_there(visit: Visit, backends: Sequence[str], sample: Array) -> dict[str, tuple[float, str]]:
    """(instructions of one inference, detail) by Python backend, from one process on a counting emulator; CheckError for wrong scores."""
    answer, marks = visit.ask(Count, sample[None], counted=True, backends=list(backends), runs=COUNT_RUNS)
    if set(answer.backends) != set(backends):
        raise NearwireError(f"'{visit.computer.name}' answered for {', '.join(answer.backends) or 'no backend'}; asked were {', '.join(backends)}.")
    expected = scores(visit.build.network, sample[None])[0].tolist()
    counts = {}
    for k, name in enumerate(backends):
        part = answer.backends[name]
        if list(part.scores) != expected:
            raise CheckError(f"backend '{name}' ({part.detail}) computes other scores than the integer reference on '{visit.computer.name}'.")
        counts[name] = (per_inference(marks[3 * k : 3 * k + 3], COUNT_RUNS), part.detail)
    return counts
