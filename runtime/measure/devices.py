"""bench on several devices: this computer, emulated cores, boards behind SSH. A device that fails costs only its own figures.

Boards behind SSH work at the same time. What runs on this computer runs alone, one after the other, because it would disturb itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from devices.boards.board import Board
from devices.common.conditions import Conditions
from devices.computers import Computer, is_computer, open_computer
from devices.errors import InputError, NearwireError
from runtime.backends import BACKENDS, backend
from runtime.backends.registry import find, library_names, travelling
from runtime.builds.build import Build
from runtime.measure.bench import BenchOptions, BenchReport, Place, bench
from runtime.measure.there import bench_there
from runtime.network.network import Array
from runtime.remote.sessions import open_session
from runtime.remote.visit import Visit

ALL = "all"
MOST_AT_ONCE = 16
Tell = Callable[[str], None]


def bench_devices(
    build: Build, boards: Sequence[Board], backends: Sequence[str], samples: Array, options: BenchOptions, tell: Tell = lambda _: None
) -> list[BenchReport]:
    """A report a board, in their order. ``backends``: names, or 'all' for those that each board can have."""
    names = {board.name: backends_of(board, backends) for board in boards}
    far = [board for board in boards if board.link == "ssh"]

    opened: list[Computer] = []

    def bench_board(board: Board) -> BenchReport:
        try:
            return _bench(build, board, names[board.name], samples, options, lambda text: tell(f"{board.name}: {text}"), opened)
        except NearwireError as error:
            if len(boards) == 1:
                raise
            return BenchReport(board.name, error=str(error))

    reports = {board.name: bench_board(board) for board in boards if board not in far}
    if far:
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(far))) as pool:
            try:
                reports |= dict(zip((board.name for board in far), pool.map(bench_board, far), strict=True))
            except BaseException:  # Ctrl-C ends what runs there, it does not wait for it
                pool.shutdown(wait=False, cancel_futures=True)
                for computer in list(opened):
                    computer.close()
                raise
    return [reports[board.name] for board in boards]


def backends_of(board: Board, names: Sequence[str]) -> list[str]:
    """The backends among ``names`` that the board can have; InputError if there is none."""
    core = not is_computer(board) and board.link != "local"
    possible = travelling() if is_computer(board) else [entry.name for entry in BACKENDS.values() if entry.on_core == core]
    if list(names) == [ALL]:
        return [name for name in possible if is_computer(board) or backend(name).missing() is None]
    if is_computer(board):
        return [name for name in names if not ((entry := find(name)) and entry.on_core)] or _none(board, names, possible)
    return [name for name in names if name in possible or (not core and name in library_names())] or _none(board, names, possible)


def _none(board: Board, names: Sequence[str], possible: Sequence[str]) -> list[str]:
    raise InputError(f"device '{board.name}' has none of the backends {', '.join(names)}. It has: {', '.join(possible)}.")


def _bench(build: Build, board: Board, names: list[str], samples: Array, options: BenchOptions, tell: Tell, visited: list[Computer]) -> BenchReport:
    if not is_computer(board):
        if board.link == "local":
            return bench(build, names, samples, options, tell)
        place = Place(board.name, lambda opened, name, threads: open_session(opened, name, board.name, threads), lambda: core_conditions(board))
        return bench(build, names, samples, options, tell, place)
    tell("connect")
    with open_computer(board) as computer:
        visited.append(computer)
        return bench_there(Visit(computer, board, build, tell), names, samples, options)


def core_conditions(board: Board) -> Conditions:
    """Of a microcontroller: it says nothing about itself, and what this computer says is not about it. BOARD@PORT is a real one."""
    return Conditions(core=board.core if "@" in board.name else f"{board.core}, emulated on this computer")
