"""nearwire from Python: one import for the whole way from data to a board.

>>> from nearwire import TrainConfig, boards, compile, fit, load, load_dataset
>>> data = load_dataset("digits")
>>> network = fit(TrainConfig(data="digits", model="field", hidden=(16,), epochs=1, quantise=None), data)
>>> manifest = compile(network, "build/digits", board="emulated-cortex-m0plus", firmware_samples=1, report_samples=False)
>>> with load("build/digits", backend="reference") as session:
...     session.run_batch(data.test.x[:2]).shape
(2, 10)

Names are loaded when they are first used, so ``import nearwire`` takes no time and needs no torch. They are nearwire's own also where a file
of yours is called train.py or runtime.py (names.py).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nearwire.names import claim, needed

if TYPE_CHECKING:
    from compile.library import compile as compile  # noqa: A004
    from compile.pipeline.budget import Budgets as Budgets
    from compile.pipeline.options import CompileOptions as CompileOptions
    from devices.boards.board import Board as Board
    from devices.boards.board import boards as boards
    from devices.errors import CheckError as CheckError
    from devices.errors import InputError as InputError
    from devices.errors import NearwireError as NearwireError
    from devices.version import VERSION as __version__
    from runtime.data.dataset import Dataset as Dataset
    from runtime.data.dataset import load_dataset as load_dataset
    from runtime.network.network import Network as Network
    from runtime.session import load as load
    from train.config import TrainConfig as TrainConfig
    from train.library import fit as fit

MODULES = {  # name: the module that has it
    "fit": "train.library",
    "TrainConfig": "train.config",
    "load_dataset": "runtime.data.dataset",
    "Dataset": "runtime.data.dataset",
    "Network": "runtime.network.network",
    "compile": "compile.library",
    "CompileOptions": "compile.pipeline.options",
    "Budgets": "compile.pipeline.budget",
    "load": "runtime.session",
    "boards": "devices.boards.board",
    "Board": "devices.boards.board",
    "NearwireError": "devices.errors",
    "InputError": "devices.errors",
    "CheckError": "devices.errors",
    "__version__": "devices.version",
}
ATTRIBUTES = {"__version__": "VERSION"}  # where the module calls it otherwise
EXTRAS = {"train": "train", "compile": "compile"}  # package: the extra that brings what it imports

__all__ = [
    "fit", "TrainConfig", "load_dataset", "Dataset", "Network", "compile", "CompileOptions", "Budgets", "load", "boards", "Board",
    "NearwireError", "InputError", "CheckError", "__version__",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The names of ``MODULES`` on demand; ImportError that names the extra where a library is not installed."""
    if name not in MODULES:
        raise AttributeError(f"module 'nearwire' has no attribute '{name}'. It has: {', '.join(__all__)}")
    package = MODULES[name].partition(".")[0]
    claim(needed(package))
    try:
        return getattr(importlib.import_module(MODULES[name]), ATTRIBUTES.get(name, name))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in needed(package):
            raise
        extra = f"nearwire[{EXTRAS[package]}]" if package in EXTRAS else "nearwire"
        raise ImportError(f"nearwire.{name} needs the package '{error.name}', which is not installed. Run: pip install '{extra}'") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
