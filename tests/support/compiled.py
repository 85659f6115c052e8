"""C objects that tests share: a source that was compiled before with the same compiler, flags and headers is not compiled again.

``Objects.run`` stands for ``Compiler.run``. A command of several sources becomes one object a source and a link of them. An object is found again by the
compiler's version, the flags, the source's content, and the content of every file of ours that it includes: the compiler itself says
which those are (-MD). Where anything fails the command runs as it was given, so that its error is the product's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.errors import NearwireError
from devices.tools.toolchain import Compiler

Run = Callable[[Compiler, Sequence[str | Path], str], None]
SOURCES = (".c", ".cpp")
NOT_COMPILED = (
    "-E",
    "-S",
    "-x",
    "-M",
    "-MD",
    "-MM",
    "-",
    "--version",
    "-include",
    "-isystem",
    "-iquote",
    "-target",
    "-Xlinker",
)  # commands left alone
LINKED = ("-shared", "-static", "-s", "-nostdlib", "-nostartfiles")  # flags of the link alone
LINKED_PREFIXES = ("-Wl,", "-l", "-L")
LINKED_WORDS = ("-T",)  # with a value behind them


@dataclass(frozen=True)
class Command:
    """A compiler's arguments, by what they are for."""

    sources: tuple[Path, ...]
    output: Path
    compiles_only: bool
    flags: tuple[str, ...]  # of every object, without the folders of headers
    include: tuple[Path, ...]


def parsed(arguments: Sequence[str | Path]) -> Command | None:
    """The command; None where it is of another kind."""
    words = [str(word) for word in arguments]
    sources, flags, include, output, at = [], [], [], None, 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        at += 1
        if word in NOT_COMPILED:
            return None
        if word in ("-o", "-I", *LINKED_WORDS):
            at += 1
            if word == "-o":
                output = Path(following)
            elif word == "-I":
                include.append(Path(following))
        elif word.startswith("-I"):
            include.append(Path(word[2:]))
        elif not word.startswith("-") and word.endswith(SOURCES):
            sources.append(Path(word))
        elif word.startswith("-") and word not in (*LINKED, "-c") and not word.startswith(LINKED_PREFIXES):
            flags.append(word)
    if output is None or not sources:
        return None
    return Command(tuple(sources), output, "-c" in words, tuple(flags), tuple(include))


@dataclass(frozen=True)
class Objects:
    """Objects in a folder that the workers of a session share. ``plain``: how a compiler runs without it."""

    folder: Path
    plain: Run

    def run(self, compiler: Compiler, arguments: Sequence[str | Path], what: str) -> None:
        """Compile as ``Compiler.run`` does."""
        command = parsed(arguments)
        if command is None or (command.compiles_only and len(command.sources) > 1):
            self.plain(compiler, arguments, what)
            return
        try:
            made = {str(source): self._object(compiler, command, source, what) for source in command.sources}
            if command.compiles_only:
                shutil.copyfile(next(iter(made.values())), command.output)
            else:
                self.plain(compiler, [made.get(str(word), word) for word in arguments], what)
        except (NearwireError, OSError):
            self.plain(compiler, arguments, what)

    def _object(self, compiler: Compiler, command: Command, source: Path, what: str) -> Path:
        """The object of one source, made if none was kept."""
        key = hashlib.sha256(repr((compiler.command, compiler.detail, command.flags, source.name)).encode() + source.read_bytes()).hexdigest()[:24]
        search = (source.parent, *command.include)
        for entry in sorted(self.folder.glob(f"{key}-*.json")):
            if all(_content(name, search) == digest for name, digest in json.loads(entry.read_text()).items()):
                return entry.with_suffix(".o")
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            new, listed = Path(work) / "new.o", Path(work) / "new.d"
            include = [word for folder in command.include for word in ("-I", folder)]
            self.plain(compiler, [*command.flags, *include, "-MD", "-MF", listed, "-c", "-o", new, source], what)
            names = {name: _content(name, search) for name in _included(listed.read_text(), search) if name != source.name}
            entry = self.folder / f"{key}-{hashlib.sha256(repr(sorted(names.items())).encode()).hexdigest()[:12]}.json"
            os.replace(new, entry.with_suffix(".o"))
            (Path(work) / "new.json").write_text(json.dumps(names))
            os.replace(Path(work) / "new.json", entry)
        return entry.with_suffix(".o")


def _included(rule: str, search: Iterable[Path]) -> set[str]:
    """The files of a rule for make that lie in the folders, each as it is named there."""
    paths = [Path(word.replace("\0", " ")) for word in rule.partition(":")[2].replace("\\\n", " ").replace("\\ ", "\0").split()]
    folders = [folder.resolve() for folder in search]
    names = set()
    for path in (path.resolve() for path in paths):
        inside = [str(path.relative_to(folder)) for folder in folders if path.is_relative_to(folder)]
        names |= {min(inside, key=len)} if inside else set()
    return names


def _content(name: str, search: Iterable[Path]) -> str | None:
    """The digest of the file that an include of that name finds."""
    for folder in search:
        path = folder / name
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return None
