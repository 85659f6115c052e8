"""The command: ``nearwire train|compile|runtime|devices|bench ...``. It finds its own packages also beside files of those names (names.py).

``python -m train|compile|runtime|devices ...`` is the same where Python finds these packages; where another module has a name it needs,
``run_package`` says which and ends with 2.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from nearwire.names import NAMES, claim, refusal

PACKAGES = {
    "train": "learn a network: positions first",
    "compile": "turn a network into ONNX, TFLite and C, verified",
    "runtime": "run, benchmark and profile builds",
    "devices": "list boards, show them, check this machine",
    "bench": "measurements of the product, against itself and others",
}
APPLICATIONS = {"bench": "nearwire.benches"}  # where not PACKAGE.commands.app
EXTRAS = ("train", "compile", "bench")  # packages whose libraries an extra brings
WRONG_USAGE = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the package named by the first argument with the others, and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("--help", "-h"):
        print("usage: nearwire PACKAGE ...\n\n" + "\n".join(f"  {name:9}{text}" for name, text in PACKAGES.items()))
        print("\n'nearwire PACKAGE --help' tells more; 'nearwire --version' tells the version. From Python: from nearwire import fit, compile, load.")
        sys.exit(0 if words else WRONG_USAGE)
    try:
        claim()
    except ImportError as error:
        _fail(str(error), WRONG_USAGE)
    if words[0] == "--version":
        print(f"nearwire {importlib.import_module('devices.version').VERSION}")
        sys.exit(0)
    if words[0] not in PACKAGES:
        errors = importlib.import_module("devices.errors")
        _fail(str(errors.unknown_name("package", words[0], PACKAGES)), WRONG_USAGE)
    _application(words[0]).main(words[1:])


def run_package(package: str, argv: Sequence[str] | None = None) -> None:
    """``python -m PACKAGE ...``: the package's command, or why Python does not find what it needs."""
    if reason := refusal(package):
        _fail(reason, WRONG_USAGE)
    _application(package).main(argv)


def _application(package: str) -> ModuleType:
    """The module with the package's command; ends with an error that names the extra if a library it needs is not installed."""
    try:
        return importlib.import_module(APPLICATIONS.get(package, f"{package}.commands.app"))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in NAMES:
            raise
        extra = f"nearwire[{package}]" if package in EXTRAS else "nearwire"
        _fail(f"'nearwire {package}' needs the package '{missing}', which is not installed. Run: pip install '{extra}'", 1)


def _fail(message: str, code: int) -> NoReturn:
    """As devices.common.console does it, which may not be there: nothing a terminal obeys is printed."""
    print("error: " + "".join(c if c.isprintable() else repr(c)[1:-1] for c in message), file=sys.stderr)
    sys.exit(code)
