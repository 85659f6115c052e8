"""C compilers: the host's own (cc, gcc, clang), a cross GCC where it is installed, or zig from the wheel ziglang, which compiles for every core."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from devices.boards.board import Toolchain
from devices.common.cache import cache_folder
from devices.common.places import is_usable
from devices.common.text import plain
from devices.errors import NearwireError

HOST_COMPILERS = ("cc", "gcc", "clang")
INSTALL_ZIG = "pip install ziglang"
INSTALL_HOST = f"apt install gcc (or: {INSTALL_ZIG})"
ZIG = "ziglang"  # the wheel, and the module that is the compiler
WHY = re.compile(r"\berror: |undefined (reference|symbol)|multiple definition|overflowed by|will not fit|cannot find|No space left", re.IGNORECASE)
FAILED = re.compile(r"ld returned \d+|linker command failed|ld: final link failed")
SHOWN = 500  # characters of a line in a message
COMPILE_LIMIT_S = 300  # the first use of zig for a target builds its run-time library


@dataclass(frozen=True)
class Compiler:
    """A command that compiles C, with the arguments that choose its target."""

    command: tuple[str, ...]
    detail: str  # name and version, for reports
    flags: tuple[str, ...] = ()  # the board's flags for this compiler
    libraries: tuple[str, ...] = ()  # what a bare program is linked with, last

    @property
    def description(self) -> str:
        """Name, version and flags, for manifests."""
        return " ".join([self.detail, *self.flags])

    def run(self, arguments: Sequence[str | Path], what: str) -> None:
        """Run the compiler; NearwireError with its first error line if it fails. ``what`` names the thing that is compiled."""
        line = [*self.command, *map(str, arguments)]
        try:
            done = subprocess.run(
                line, capture_output=True, text=True, errors="replace", timeout=COMPILE_LIMIT_S, check=False, env=_environment(self.command)
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NearwireError(f"the compiler '{self.command[0]}' could not be run for {what}: {error}. See 'nearwire devices doctor'.") from error
        if done.returncode < 0:
            raise NearwireError(f"{self.detail} was killed by signal {-done.returncode} while compiling {what}. Is the machine short of memory?")
        if done.returncode:
            raise NearwireError(f"{self.detail} could not compile {what}: {_first_error(done.stderr or done.stdout)}")


def compiler_for(toolchain: Toolchain) -> Compiler:
    """The compiler of a board; NearwireError with the command that installs it if there is none."""
    compiler = _host() if toolchain.compiler == "host" else _gcc(toolchain) or _zig(toolchain)
    if compiler is not None and not compiler.flags:
        compiler = replace(compiler, flags=toolchain.flags)
    if compiler is None:
        raise NearwireError(missing(toolchain) or "no C compiler works here.")
    return compiler


def missing(toolchain: Toolchain) -> str | None:
    """None if the board's compiler is there; otherwise what is missing and the command that installs it."""
    if toolchain.compiler == "cross" and toolchain.gcc and not (_gcc(toolchain) or _zig(toolchain)):
        return f"neither {toolchain.gcc.prefix}gcc nor zig is installed. Run: {INSTALL_ZIG} (or: apt install {toolchain.gcc.package})"
    if toolchain.compiler != "host":
        return None if _gcc(toolchain) or _zig(toolchain) else f"the C compiler zig is not installed. Run: {INSTALL_ZIG}"
    return None if _host() else f"no C compiler: none of {', '.join(HOST_COMPILERS)} is on the PATH and ziglang is not installed. Run: {INSTALL_HOST}"


def _host() -> Compiler | None:
    """$CC if it is set, else the first of cc, gcc, clang on the PATH, else zig."""
    chosen = shlex.split(os.environ.get("CC", ""))
    candidates = [chosen] if chosen else [[name] for name in HOST_COMPILERS]
    for command in candidates:
        if shutil.which(command[0]):
            return Compiler(tuple(command), _version(tuple(command)))
    return None if chosen else _zig(Toolchain(compiler="zig"))


def _gcc(toolchain: Toolchain) -> Compiler | None:
    """The GCC of [toolchain.gcc] if the board takes one and it is on the PATH."""
    gcc = toolchain.gcc
    if toolchain.compiler != "cross" or gcc is None or not shutil.which(f"{gcc.prefix}gcc"):
        return None
    command = (f"{gcc.prefix}gcc",)
    return Compiler(command, _version(command), gcc.flags, ("-lgcc",))


def _zig(toolchain: Toolchain) -> Compiler | None:
    if importlib.util.find_spec(ZIG) is None:
        return None
    command = (sys.executable, "-m", ZIG, "cc")
    target = [f"--target={toolchain.target}"] if toolchain.target else []
    cpu = [f"-mcpu={toolchain.cpu}"] if toolchain.cpu else []
    return Compiler((*command, *target, *cpu), f"zig {_version((sys.executable, '-m', ZIG, 'version'))}")


@lru_cache
def _version(command: tuple[str, ...]) -> str:
    """``gcc 12.2.0`` of the first line that a compiler prints about itself; its name if it prints none."""
    arguments = command if command[-1] == "version" else (*command, "--version")
    try:
        text = subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return command[0]
    first = next(iter(text.splitlines()), "")
    number = re.search(r"\d+\.\d+(\.\d+)?\S*$|\b\d+\.\d+\.\d+", first)
    if command[-1] == "version":
        return first
    name = "clang" if "clang" in first.lower() else "gcc" if "gcc" in text.lower() or "free software" in text.lower() else Path(command[0]).name
    return f"{name} {number[0]}" if number else first or name


def _environment(command: Sequence[str]) -> dict[str, str] | None:
    """zig keeps what it makes in the user's cache folder; where that cannot be written, in ours. None: as it is."""
    if ZIG not in command:
        return None
    home = os.environ.get("HOME")
    given, system = os.environ.get("ZIG_GLOBAL_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    folder = Path(given) if given else Path(system) / "zig" if system else None
    if folder is not None and is_usable(folder):
        return None
    cache = str(cache_folder() / "zig")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}


def _first_error(text: str) -> str:
    """The line that tells why: the compiler's first error, the linker's before the one that only says that the linker failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if WHY.search(line) and not FAILED.search(line)]
    return plain((telling or [line for line in lines if WHY.search(line)] or lines[-1:] or ["it said nothing"])[0], SHOWN)
