"""The C code of a build, copied to a folder where it is compiled, after its files were checked against the manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from devices.errors import InputError
from runtime.builds.artifact import read_artifact
from runtime.network.file import to_bytes
from runtime.network.network import Network

FOLDER = Path(__file__).parents[1] / "firmware"
FRONT = "front.c"  # of networks with a front end
NEEDED = ("nearwire.h", "nearwire.c", "model.h", "model.c")


# fast.c stands for nearwire.c on computers: the same kernels and their vector variants.
FAST = ("fast.c", "fast_plan.h", "fast_matrix.h", "fast_boxes.h", "fast_kernels.h", "fast_x86.h", "fast_neon.h")
FAST_KERNELS = (
    *("dense_s8", "dense16_s8", "dense32_s8", "csr_s8", "csr16_s8", "block4_s8"),
    *("columns_s4", "columns_s2", "columns_o2", "coordinates_s8", "expanded_s8", "boxes_s8"),
)


def fast_flags(place: Path) -> list[str]:
    """What tells fast.c which of the kernels with variants are in the nearwire.h there, and host.c whether model.h has batches."""
    header, model = ((place / name).read_text(encoding="utf-8", errors="replace") for name in ("nearwire.h", "model.h"))
    batch = ["-DSHIM_BATCH"] if "nearwire_infer_batch(" in model else []
    kernels = [f"-DFAST_{name.upper()}" for name in FAST_KERNELS if f"void nearwire_{name}(" in header]
    return ["-D_POSIX_C_SOURCE=200112L", *kernels, *batch]


def copy_sources(folder: Path, network: Network, target: Path, *entries: str) -> None:
    """Write the build's kernels and model and our ``entries`` of runtime/firmware into ``target``; InputError if they are not this network's."""
    for name in (*NEEDED, *((FRONT,) if network.front else ())):
        content, _ = read_artifact(folder, f"c/{name}")
        (target / name).write_bytes(content)
    expected = hashlib.sha256(to_bytes(network)).hexdigest()
    if f'NEARWIRE_NETWORK_SHA256 "{expected}"' not in (target / "model.h").read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"'{folder / 'c'}' is not the code of the network in '{folder}': its sha256 differs. Compile the network again.")
    for entry in entries:
        (target / entry).write_bytes((FOLDER / entry).read_bytes())
