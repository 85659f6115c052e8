"""The installed command: ``nearwire train|compile|runtime|devices ...`` is ``python -m train|compile|runtime|devices ...``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from devices.common.text import plain
from devices.errors import NearwireError, unknown_name

PACKAGES = {
    "train": "learn a network: positions first",
    "compile": "turn a network into ONNX, TFLite and C, verified",
    "runtime": "run, benchmark and profile builds",
    "devices": "list boards, show them, check this machine",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the package named by the first argument with the others, and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("--help", "-h"):
        print("usage: nearwire PACKAGE ...\n\n" + "\n".join(f"  {name:9}{text}" for name, text in PACKAGES.items()))
        print("\n'nearwire PACKAGE --help' tells more.")
        sys.exit(0 if words else 2)
    if words[0] == "--version":
        from devices.version import VERSION

        print(f"nearwire {VERSION}")
        sys.exit(0)
    try:
        if words[0] not in PACKAGES:
            raise unknown_name("package", words[0], PACKAGES)
        module = _module(words[0])
    except NearwireError as error:
        print(f"error: {plain(error)}", file=sys.stderr)
        sys.exit(error.exit_code)
    module.main(words[1:])


def _module(package: str):  # type: ignore[no-untyped-def]  # a module of a package above this one
    """The package's command; an error that names the extra if a library it needs is not installed."""
    try:
        return importlib.import_module(f"{package}.__main__")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in PACKAGES:
            raise
        extra = f"nearwire[{package}]" if package in ("train", "compile") else "nearwire"
        raise NearwireError(f"'nearwire {package}' needs the package '{missing}', which is not installed. Run: pip install '{extra}'") from error
