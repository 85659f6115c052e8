"""A build folder, opened: its manifest checked against every file, its network, and sessions of any backend on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.backends import Session, backend
from runtime.manifest import Manifest, check_files, read_manifest
from runtime.network import Network, load


@dataclass(frozen=True)
class Build:
    """A build whose files are the ones that were written."""

    folder: Path
    manifest: Manifest
    network: Network

    def session(self, backend_name: str, device: str | None = None, threads: int = 1) -> Session:
        """Open the build with one backend, on the board ``device`` where the backend needs one (None: the build's own), with ``threads`` where it can use several; InputError if the backend is unknown, NearwireError with the fix if it cannot work here."""
        return backend(backend_name).on(device).with_threads(threads).open(self.folder, self.network)


def open_build(folder: Path) -> Build:
    """Open and check a build folder; InputError naming the file that is missing or was changed."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return Build(folder, manifest, load(folder / "network.safetensors"))
