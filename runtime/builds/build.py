"""A build folder and the network in it, as plain data. ``checked.open_build`` opens one whose files were checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.network.network import Network


@dataclass(frozen=True)
class Build:
    """A folder with the files of a build, and its stored network."""

    folder: Path
    network: Network
