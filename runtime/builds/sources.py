"""The C code of a build, copied to a folder where it is compiled, after its files were checked against the manifest."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from devices.errors import InputError
from runtime.builds.artifact import read_artifact
from runtime.network.file import to_bytes
from runtime.network.network import Network

FOLDER = Path(__file__).parents[1] / "firmware"
FRONT = "front.c"  # of networks with a front end
NEEDED = ("nearwire.h", "nearwire.c", "model.h", "model.c")

VARIANTS = Path(__file__).parents[1] / "kernels" / "fast"  # a file a kernel that has a variant for the vector units of computers
# fast.c stands for nearwire.c on computers: the same kernels and their variants.
FAST = ("fast.c", "fast_plan.h", "fast_matrix.h", "fast_kernels.h", "fast_x86.h", "fast_neon.h")
KERNEL = re.compile(r"^void nearwire_(\w+)\(", re.MULTILINE)


def variants(header: str) -> list[str]:
    """The kernels among those that a build's nearwire.h declares that have a variant."""
    return [name for name in KERNEL.findall(header) if (VARIANTS / f"{name}.h").is_file()]


def add_fast(folder: Path) -> list[str]:
    """Write fast.c and the variants of the kernels in the nearwire.h there beside it; returns the flags that they and host.c are compiled with."""
    header, model = ((folder / name).read_text(encoding="utf-8", errors="replace") for name in ("nearwire.h", "model.h"))
    for name in FAST:
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    (folder / "fast").mkdir(exist_ok=True)
    for path in VARIANTS.glob("*.h"):
        (folder / "fast" / path.name).write_bytes(path.read_bytes())
    kernels = variants(header)
    both = [f"{name}{end}" for name in kernels for end in ("", "_scores")]
    written = {
        "fast_hide.h": [f"#define nearwire_{name} portable_{name}" for name in both],
        "fast_show.h": [f"#undef nearwire_{name}" for name in both],
        "fast_variants.h": [f'#include "fast/{name}.h"' for name in kernels],
    }
    for file, lines in written.items():
        (folder / file).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    return ["-D_POSIX_C_SOURCE=200112L", *(["-DSHIM_BATCH"] if "nearwire_infer_batch(" in model else [])]


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
