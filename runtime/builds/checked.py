"""A build folder, opened: its manifest checked against every file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.builds.build import Build
from runtime.builds.manifest import Manifest, check_files, read_manifest
from runtime.network.file import load


@dataclass(frozen=True)
class CheckedBuild(Build):
    """A build whose files are the ones that were written."""

    manifest: Manifest

    @property
    def digest(self) -> str:
        """Of all its files, by its manifest."""
        return str(self.manifest.digest)


def open_build(folder: Path) -> CheckedBuild:
    """Open and check a build folder; InputError naming the file that is missing or was changed."""
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    return CheckedBuild(folder, load(folder / "network.safetensors"), manifest)
