"""What is refused before any work: before the data set is loaded, before anything is computed, all that the options, the board and the output say.

Rule: an option that cannot be right for any network, a budget that this board can never be asked about, and an output that cannot be written are told
at once. What depends on the network's numbers is told by the pass that sees them.
"""

from __future__ import annotations

from pathlib import Path

from compile.passes.prune import check_settings
from compile.passes.store import check_choice
from compile.pipeline.artifact import check_place, check_writable
from compile.pipeline.budget import check_askable
from compile.pipeline.options import CompileOptions
from devices.boards.board import Board
from devices.errors import InputError

BITS = (2, 16)  # of a coordinate: a sign and a step, and what int16 holds


def check_early(options: CompileOptions, board: Board, out: Path) -> None:
    """InputError naming the option; CheckError for a budget that nothing installed here can measure."""
    check_place(out)
    check_choice(options.optimise, options.store)
    check_settings(options.prune, options.prune_scope, options.prune_structure)
    if not BITS[0] <= options.bits <= BITS[1]:
        raise InputError(f"--bits is {options.bits}; a coordinate has {BITS[0]} to {BITS[1]} bits.")
    check_askable(options.budgets, board)
    check_writable(out)
