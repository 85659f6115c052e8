"""Builds of the zoo's networks, each made once a session, whichever of its processes asks first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from compile.pipeline.options import CompileOptions
from compile.pipeline.pipeline import compile_network
from runtime.builds.manifest import Manifest, read_manifest
from runtime.network.file import load
from runtime.zoo import resolve
from tests.support.needs import needs_data

SAMPLES = {"mnist-spatial": 1000}  # test samples that are proven on the emulated core, where more than 300


@dataclass(frozen=True)
class Zoo:
    """Builds in a folder that the workers of a session share. Nobody changes them: a test that wants to copies one first."""

    folder: Path

    @staticmethod
    def options(name: str) -> CompileOptions:
        """What the build of a network is made with."""
        return CompileOptions(firmware_samples=SAMPLES.get(name, 300))

    def build(self, name: str, board: str | None = None) -> Path:
        """The build of a network, or that for another board, which is not proven there; the test needs the network's data set."""
        source, place = resolve(f"zoo:{name}"), self.folder / (f"{name}-{board}" if board else name)
        with FileLock(f"{place}.lock"):
            if not place.exists():
                needs_data(str(load(source).provenance["data"]))
                compile_network(source, place, CompileOptions(board=board, firmware_samples=1) if board else self.options(name))
        return place

    def manifest(self, name: str) -> Manifest:
        """What the build's manifest says."""
        return read_manifest(self.build(name))
