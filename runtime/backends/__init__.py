"""The backends by name, loaded on demand. What there is, and how to add one: registry.py."""

from __future__ import annotations

import importlib

from runtime.backends.base import Backend, Footprint, LayerFigure, Session
from runtime.backends.registry import BACKENDS, entry_of
from runtime.builds.build import Build

__all__ = ["BACKENDS", "Backend", "Footprint", "LayerFigure", "Session", "backend", "open_here"]


def backend(name: str) -> Backend:
    """The backend of that name, or of a name in ``libraries``, its module loaded now; InputError with the nearest name if there is none."""
    entry = entry_of(name)
    made: Backend = importlib.import_module(entry.module).BACKEND
    return made.with_library(name) if name in entry.libraries else made


def open_here(build: Build, name: str, threads: int = 1, board: str | None = None) -> Session:
    """Open the build on this computer, or on the emulated or attached ``board``. InputError for an unknown backend, NearwireError with the fix if it cannot work here."""
    return backend(name).on(board).with_threads(threads).open(build.folder, build.network)
