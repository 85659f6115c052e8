"""The README's table of a box network against ordinary dense ones, made from the record that 'nearwire bench peers --write' measures:
nearwire bench peer_table [--write]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.support import records
from devices.errors import InputError, NearwireError

HEADER = ("on an emulated Cortex-M4", "accuracy", "flash", "instructions")
RECORD = "peers"


@dataclass(frozen=True)
class Peer:
    """One network as it is deployed: the first of a table is ours, of the zoo."""

    name: str
    accuracy: float
    flash_bytes: int
    ram_bytes: int
    instructions: int
    compiler: str


def table(peers: Sequence[Peer]) -> str:
    """Ratios to the first."""
    first = peers[0]
    rows = [(f"`{first.name}`", f"{first.accuracy:.4f}", f"1 ({first.flash_bytes:,} B)", f"1 ({first.instructions:,})")]
    for peer in peers[1:]:
        ratios = (peer.flash_bytes / first.flash_bytes, peer.instructions / first.instructions)
        rows.append((peer.name, f"{peer.accuracy:.4f}", *(f"{ratio:.1f} x" for ratio in ratios)))
    return records.markdown(HEADER, rows)


def recorded(folder: Path = records.FOLDER) -> list[Peer]:
    """The rows of the record; InputError if it is damaged."""
    try:
        return [Peer(**entry) for entry in records.read(RECORD, folder)]
    except TypeError as error:
        raise InputError(f"'{folder / RECORD}.json' has no rows: {error}. Measure them: nearwire bench peers --write") from error


def write(peers: Sequence[Peer]) -> None:
    """Keep the rows and put their table into README.md."""
    records.write(RECORD, [asdict(peer) for peer in peers])
    records.put(table(peers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put it into README.md")
    new = table(recorded())
    if parser.parse_args().write:
        records.put(new)
    print(new, end="")


if __name__ == "__main__":
    try:
        main()
    except NearwireError as error:
        raise SystemExit(f"error: {error}") from None
