"""The instruction model: executed instructions of one layer = sum of coefficient x feature, per storage format and core.

A format says how often each part of its kernel runs (compile/formats); the board's file holds what one run costs ([cost.FORMAT]), fitted
from exact counts by ``bench/kernels.py --fit``. The table's ``code_bytes`` is the size of the kernel itself, ``largest_error_percent`` the
largest error of the model over the layers it was fitted to and those it was then checked with.
"""

from __future__ import annotations

from collections.abc import Mapping

from devices.boards.board import Board, load_board
from devices.errors import InputError

CODE_BYTES = "code_bytes"
ERROR_PERCENT = "largest_error_percent"


def tables(board: Board) -> Mapping[str, Mapping[str, float]]:
    """All cost tables of a board: its own, and for formats that it has none of, those of the board that it names."""
    return {**(tables(load_board(board.cost_of)) if board.cost_of else {}), **board.cost}


def own(format_name: str, board: Board) -> bool:
    """Whether the format's table was made on a computer, so that its features are those of the vector kernels."""
    return board.memory is None and (format_name in board.cost or (bool(board.cost_of) and own(format_name, load_board(str(board.cost_of)))))


def coefficients(format_name: str, board: Board, estimate: Mapping[str, float] | None = None) -> Mapping[str, float]:
    """The cost table of a format on a board; ``estimate`` if the board has none, InputError if that is not given either."""
    table = tables(board)
    if format_name not in table and estimate:
        return estimate
    if format_name not in table:
        raise InputError(
            f"board '{board.name}' has no table [cost.{format_name}], so the format's cost is unknown there. "
            f"Tables: {', '.join(sorted(table)) or 'none'}. Measure one with 'nearwire bench kernels --board {board.name} --fit'."
        )
    return table[format_name]


def predict(format_name: str, features: Mapping[str, float], board: Board, estimate: Mapping[str, float] | None = None) -> int:
    """Predicted executed instructions of one inference of a layer."""
    table = coefficients(format_name, board, estimate)
    missing = sorted(set(features) - set(table))
    if missing:
        raise InputError(f"board '{board.name}': table [cost.{format_name}] lacks {missing}. Measure it again with 'nearwire bench kernels --fit'.")
    return round(sum(value * table[name] for name, value in features.items()))


def kernel_bytes(format_name: str, board: Board, estimate: Mapping[str, float] | None = None) -> int:
    """Size of the format's kernel on the board, in bytes of code."""
    return round(coefficients(format_name, board, estimate).get(CODE_BYTES, 0))


def error_percent(format_name: str, board: Board, estimate: Mapping[str, float] | None = None) -> float:
    """Largest relative error of ``predict`` for the format that was seen when it was fitted, in percent; 0 if the table does not say."""
    return coefficients(format_name, board, estimate).get(ERROR_PERCENT, 0.0)
