"""``python -m compile ...`` is ``nearwire compile ...`` where Python finds this folder by its name."""

from __future__ import annotations

import sys
from collections.abc import Sequence

try:
    from nearwire.command import run_package
except ImportError as error:
    print(f"error: another module is called nearwire: {error}. Rename it, then run 'nearwire compile ...'.", file=sys.stderr)
    raise SystemExit(2) from error


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    run_package("compile", argv)


if __name__ == "__main__":
    main()
