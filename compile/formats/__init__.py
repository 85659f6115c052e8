"""Storage formats by name: how a layer's int8 weight matrix lies in the flash of a board.

To add a format: (1) a file here with a ``Format``, which says all that others need of it: the layers it can hold, its constants, how its kernel is
called and what that costs; (2) its line in ``FORMATS`` below; (3) its kernel, runtime/kernels/NAME.c and NAME.h with the functions
``nearwire_NAME`` and ``nearwire_NAME_scores``; computers use it as it is unless there is a runtime/kernels/fast/NAME.h. Until
``nearwire bench kernels --board BOARD --fit NAME --write`` has measured it there (computers: bench.computer_costs), its ``estimate`` is what it
costs. The round-trip, parity and ledger tests walk ``FORMATS``; tests/test_new_format.py does all this with a format of its own.
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
from runtime.network.law import WEIGHT_MAX

FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        *(DenseS8(), Dense16S8(), Dense32S8(), CsrS8(), Csr16S8(), Block4S8(), ColumnsS4(), ColumnsS2(), ColumnsO2(), BoxesS8(), SpansS8()),
        *(ReplicatedS8(), CoordinatesS8(), ExpandedS8(), EventsS8()),
    )
}
# Those that hold any weight matrix, whatever its layer reads.
MATRIX_FORMATS: dict[str, MatrixFormat] = {
    name: item for name, item in FORMATS.items() if isinstance(item, MatrixFormat) and item.weight_max == WEIGHT_MAX and not item.events
}

__all__ = ["FORMATS", "MATRIX_FORMATS", "Encoded", "Format", "MatrixFormat", "format_named"]


def format_named(name: str) -> Format:
    """The format of that name; InputError with the nearest name otherwise."""
    if name not in FORMATS:
        raise unknown_name("storage format", name, FORMATS)
    return FORMATS[name]
