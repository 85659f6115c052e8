"""C programs of tests and benches: the flags that find mistakes, and whether this computer's compiler has them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from devices.boards.board import Toolchain
from devices.errors import NearwireError
from devices.tools import toolchain

HOST = Toolchain(compiler="host")
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror")
SANITIZERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@cache
def sanitizers_missing() -> str | None:
    """Why this computer's programs cannot be built with sanitizers; None if they can."""
    if reason := toolchain.missing(HOST):
        return reason
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "empty.c"
        source.write_text("int main(void) { return 0; }\n")
        try:
            toolchain.compiler_for(HOST).run([*SANITIZERS, "-o", Path(folder) / "empty", source], "a program with sanitizers")
        except NearwireError as error:
            return f"no sanitizers: {error}. Run: apt install gcc libc6-dev"
    return None
