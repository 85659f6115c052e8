"""The backends by name. To add one: a file here with a ``Backend`` and a line in ``_MODULES``; the parity tests walk them all."""

from __future__ import annotations

import importlib

from devices.errors import unknown_name
from runtime.backends.base import Backend, Footprint, LayerFigure, Session
from runtime.builds.build import Build

_MODULES = {
    "reference": "runtime.backends.reference",
    "onnxruntime": "runtime.backends.onnx.steady",
    "tflite": "runtime.backends.tflite.steady",
    "c": "runtime.backends.c.steady",
    "firmware": "runtime.backends.firmware.backend",
}
BACKENDS = tuple(_MODULES)
TFLITE_LIBRARIES = ("litert", "tflite-runtime")  # names for 'tflite' with that library, so that both can be measured in one run

__all__ = ["BACKENDS", "Backend", "Footprint", "LayerFigure", "Session", "backend", "open_here"]


def backend(name: str) -> Backend:
    """The backend of that name, its module loaded on demand; InputError with the nearest name otherwise. Each module ends with ``BACKEND``."""
    if name in TFLITE_LIBRARIES:
        return importlib.import_module(_MODULES["tflite"]).TfliteBackend(name)  # type: ignore[no-any-return]
    if name not in _MODULES:
        raise unknown_name("backend", name, [*_MODULES, *TFLITE_LIBRARIES])
    found: Backend = importlib.import_module(_MODULES[name]).BACKEND
    return found


def open_here(build: Build, name: str, threads: int = 1, board: str | None = None) -> Session:
    """Open the build on this computer, or on the emulated or attached ``board``. InputError for an unknown backend, NearwireError with the fix if it cannot work here."""
    return backend(name).on(board).with_threads(threads).open(build.folder, build.network)
