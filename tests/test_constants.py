"""Numbers that stand both in C and in Python are the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench.support.networks import spatial_network
from compile.emit.packages import CODE
from compile.formats import FORMATS, base, block4, columns, coordinates, dense, events
from devices.links import unicorn_board
from runtime.backends.firmware import dut
from runtime.builds import sources
from runtime.network.spiking import coding

ROOT = Path(__file__).parents[1]
# (value in Python, file, macro)
MACROS = [
    (columns.CHUNK, "runtime/kernels/columns_s4.c", "NEARWIRE_COLUMNS_S4_CHUNK"),
    (dense.CHUNK, "runtime/kernels/dense_s8.c", "NEARWIRE_DENSE_S8_CHUNK"),
    (dense.CHUNK, "runtime/kernels/nearwire.h", "NEARWIRE_HALVES"),  # dense16_s8
    (block4.CHUNK * block4.UNIT, "runtime/kernels/nearwire.h", "NEARWIRE_HALVES"),
    (events.CHUNK, "runtime/kernels/events_s8.c", "NEARWIRE_EVENTS_S8_CHUNK"),
    (base.SPARSEST, "runtime/firmware/fast_matrix.h", "FAST_SPARSEST"),
    (coding.SEED, "runtime/kernels/spike_codes.h", "NEARWIRE_RATE_SEED"),
    (dut.MOST_INFERENCES, "runtime/firmware/protocol.c", "MOST_INFERENCES"),
    (unicorn_board.REGISTERS + unicorn_board.DATA, "devices/ports/unicorn.c", "HOST_DATA"),
    (unicorn_board.REGISTERS + unicorn_board.RECEIVED, "devices/ports/unicorn.c", "HOST_RECEIVED"),
    (unicorn_board.REGISTERS + unicorn_board.INSTRUCTIONS, "devices/ports/unicorn.c", "HOST_INSTRUCTIONS"),
]


def macro(text: str, name: str) -> int:
    """The number that a C text defines by that name."""
    match = re.search(rf"^#define {name} \(?(0x[0-9A-Fa-f]+|-?\d+)u?\)?", text, flags=re.MULTILINE)
    assert match, f"no number {name}"
    return int(match[1], 0)


@pytest.mark.parametrize(("value", "file", "name"), MACROS)
def test_a_number_is_that_of_the_c_text(value: int, file: str, name: str) -> None:
    assert macro((ROOT / file).read_text(encoding="ascii"), name) == value


def test_two_bits_fill_half_a_word() -> None:
    """Sums of codes times bytes stay below 2^16 for as many inputs as the kernel adds up, and would not for more."""
    for name in ("columns_s2", "columns_o2"):
        item = FORMATS[name]
        chunk = macro(item.sources()[1], f"NEARWIRE_{name.upper()}_CHUNK")
        assert chunk == item.chunk  # type: ignore[attr-defined]
        assert chunk * 255 * item.code_max < 2**16  # type: ignore[attr-defined]
    assert (FORMATS["columns_o2"].chunk + 1) * 255 * 3 >= 2**16  # type: ignore[attr-defined]


def test_the_geometry_of_positions_is_in_the_order_of_the_enum() -> None:
    text = (ROOT / "runtime/kernels/distances.h").read_text(encoding="ascii")
    names = re.findall(r"NEARWIRE_DISTANCES_(\w+)", text[text.index("enum {") : text.index("};")])
    assert names == ["GAP2", "CUTOFF2", "SHIFT", "STEP", "FIRST"]
    layer = spatial_network().layers[0]
    geometry = FORMATS["coordinates_s8"].encode_layer(layer).arrays["geometry"].astype(np.int64)
    bits = int(layer.options["mantissa_bits"])
    assert geometry.tolist()[:4] == [layer.options["gap2"], coordinates.NO_CUTOFF, 31 - bits, 1 << bits]


def test_the_protocol_has_these_words() -> None:
    text = "".join((ROOT / "runtime/firmware" / name).read_text(encoding="ascii") for name in ("protocol.c", "protocol.h"))
    for word in (dut.READY, dut.NAME):
        assert word in text


def test_a_build_has_the_files_that_are_compiled() -> None:
    assert set(sources.NEEDED) == set(CODE)
    for name in sources.FAST:
        assert (sources.FOLDER / name).is_file()


def test_every_variant_is_of_a_kernel_or_a_part_of_one() -> None:
    text = "".join(path.read_text(encoding="ascii") for path in sources.VARIANTS.glob("*.h"))
    for path in sources.VARIANTS.glob("*.h"):
        assert path.stem in FORMATS or f'#include "{path.name}"' in text
