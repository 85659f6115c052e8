"""Compiling from Python: a network in, a verified build folder out. The settings are the fields of CompileOptions, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compile.pipeline.options import options_from
from compile.pipeline.pipeline import compile_network
from devices.common.temporary import temporary_folder
from runtime.builds.manifest import Manifest
from runtime.network.file import save
from runtime.network.network import Network
from runtime.zoo import resolve


def compile(  # noqa: A001 (the package's name, and the command's)
    network: Network | str | Path, out: str | Path, progress: Callable[[str], None] = lambda _: None, **options: Any
) -> Manifest:
    """Make a verified build of a trained network in the folder ``out``; returns its manifest.

    ``network``: what ``fit`` returned, a network file, a run folder or zoo:NAME. ``progress`` is called with what is being done. ``options``:
    fields of ``CompileOptions``. InputError for unusable input, CheckError for a budget or a proof that is not met; then ``out`` is as it was.

    >>> manifest = compile("zoo:digits-field", "build/digits", board="emulated-cortex-m0plus", firmware_samples=1)
    >>> manifest.size.flash_bytes < 3000, manifest.parity["c"].max_abs_difference
    (True, 0)
    """
    chosen, folder = options_from(options), Path(out)
    if not isinstance(network, Network):
        return compile_network(resolve(network), folder, chosen, progress)
    with temporary_folder() as temporary:
        source = Path(temporary) / f"{folder.name}.safetensors"  # reports name the network by its file
        save(network, source)
        return compile_network(source, folder, chosen, progress)
