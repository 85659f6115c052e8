"""A build folder, opened: its manifest checked against every file, its network, and sessions of any backend on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.backends import Session, backend
from runtime.network import Network, load

if TYPE_CHECKING:
    from runtime.manifest import Manifest


@dataclass(frozen=True)
class Build:
    """A build whose files are the ones that were written."""

    folder: Path
    manifest: Manifest
    network: Network

    def session(self, backend_name: str, device: str | None = None, threads: int = 1) -> Session:
        """Open the build with one backend, on the board ``device`` where the backend needs one (None: the build's own), with ``threads`` where it can use several; InputError if the backend is unknown, NearwireError with the fix if it cannot work here."""
        if device is not None:
            from runtime.remote import HERE, session_on

            there = session_on(self, backend_name, device, threads)
            if isinstance(there, Session):
                return there
            device = None if there == HERE else device
        return backend(backend_name).on(device).with_threads(threads).open(self.folder, self.network)


def open_build(folder: Path) -> Build:
    """Open and check a build folder; InputError naming the file that is missing or was changed."""
    from runtime.manifest import check_files, read_manifest  # pydantic, which a board need not have

    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return Build(folder, manifest, load(folder / "network.safetensors"))
