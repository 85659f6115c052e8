"""Storage formats by name: how a layer's int8 weight matrix lies in the flash of a board.

To add a format: (1) its kernel ``runtime/kernels/NAME.c`` and ``NAME.h`` with the functions ``nearwire_NAME`` and ``nearwire_NAME_scores``,
(2) a ``Format`` in a file here, (3) one line in ``FORMATS`` below, (4) ``nearwire bench kernels --board BOARD --fit NAME --write`` for the coefficients of
each board's [cost.NAME] table (computers: bench.computer_costs; a weight matrix needs a function in runtime/firmware/fast_matrix.h). The round-trip, parity and ledger tests walk ``FORMATS``.
"""

from __future__ import annotations

from compile.formats.base import Encoded, Format, MatrixFormat
from compile.formats.block4 import Block4S8
from compile.formats.boxes import BoxesS8
from compile.formats.columns import ColumnsS4
from compile.formats.coordinates import CoordinatesS8, ExpandedS8
from compile.formats.csr import Csr16S8, CsrS8
from compile.formats.dense import Dense16S8, Dense32S8, DenseS8
from compile.formats.events import EventsS8
from compile.formats.replicated import ReplicatedS8
from compile.formats.spans import SpansS8
from compile.formats.two_bits import ColumnsO2, ColumnsS2
from devices.errors import unknown_name

# Those that hold any weight matrix, and those that need small weights, rectangles, prototypes of rectangles, positions or spikes.
MATRIX_FORMATS: dict[str, MatrixFormat] = {item.name: item for item in (DenseS8(), Dense16S8(), Dense32S8(), CsrS8(), Csr16S8(), Block4S8())}
FORMATS: dict[str, Format] = {
    **MATRIX_FORMATS,
    **{
        item.name: item
        for item in (ColumnsS4(), ColumnsS2(), ColumnsO2(), BoxesS8(), SpansS8(), ReplicatedS8(), CoordinatesS8(), ExpandedS8(), EventsS8())
    },
}

__all__ = ["FORMATS", "MATRIX_FORMATS", "Encoded", "Format", "MatrixFormat", "format_named"]


def format_named(name: str) -> Format:
    """The format of that name; InputError with the nearest name otherwise."""
    if name not in FORMATS:
        raise unknown_name("storage format", name, FORMATS)
    return FORMATS[name]
