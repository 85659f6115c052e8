"""The build folder, written whole or not at all.

A build is made in a folder beside its place and takes it in one step. An older build there is replaced, but only if every file in it is one of
its manifest's or an output of the Makefile in it (``c/out/``); anything else is left alone with an error. One compile at a time writes a place.
A killed compile leaves the old build or none, and remains that the next one removes.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.common.lock import locked
from devices.common.remains import OLD, part_of, remains_of, remove, sweep
from devices.errors import InputError
from runtime.builds.manifest import MANIFEST, OUTPUTS, files_of_build

OLDER_OUTPUTS = {f"c/{name}" for name in ("main.o", "model.o", "nearwire.o", "nearwire_demo")}  # where older Makefiles made theirs
EXCHANGE = 2  # RENAME_EXCHANGE of Linux
HERE = -100  # AT_FDCWD


def check_place(out: Path) -> None:
    """InputError if ``out`` holds anything that is not of one of our builds, or cannot be a folder."""
    if out.name in ("", ".."):
        raise InputError(f"output '{out}' cannot be replaced as a whole. Give a folder by its name.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"output '{out}' is a file or link. Give a folder that does not exist yet, or an older build.")
    if out.is_dir():
        _check_replaceable(out)
    for parent in out.parents:
        if parent.exists():
            if not parent.is_dir():
                raise InputError(f"output '{out}' lies below '{parent}', which is not a folder. Give another folder.")
            break


def check_writable(out: Path) -> None:
    """InputError unless a folder can be made where ``out`` is to be; one is made there and removed again."""
    above = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        part = part_of(above / out.name)
        part.mkdir()
        part.rmdir()
    except OSError as error:
        raise InputError(f"output '{out}' cannot be written: {error.strerror} ('{above}'). Give another folder with --out.") from error


def _check_replaceable(out: Path) -> None:
    """InputError naming the first thing in the folder that a new build must not remove."""
    entries = sorted(_entries(out, out))
    if not entries:
        return
    ours = files_of_build(out)
    if ours is None:
        raise InputError(f"output folder '{out}' is not empty and not a build of ours, so it is not overwritten. Give another folder or remove it.")
    ours |= {MANIFEST, *OLDER_OUTPUTS}
    for name, plain in entries:
        if not plain or not (name in ours or name.startswith(OUTPUTS)):
            what = "" if plain else ", which is no plain file,"
            raise InputError(
                f"'{out / name}'{what} is not of the build in '{out}', so the folder is not replaced. Move it elsewhere, or give another --out."
            )


def _entries(folder: Path, root: Path) -> Iterator[tuple[str, bool]]:
    """(path below ``root``, whether it is a plain file) of all that is no folder; links are entries, not ways."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path), root)
        else:
            yield Path(entry.path).relative_to(root).as_posix(), entry.is_file(follow_symlinks=False)


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``out`` when the block ends without an exception, and is removed otherwise."""
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.with_name(f".{out.name}.lock"), f"the build '{out}'"):
        _put_back(out)
        sweep(out)
        work = part_of(out)
        work.mkdir()
        try:
            yield work
            _flush(work)
            check_place(out)  # what has come there meanwhile
            _swap(work, out)
        except OSError as error:
            if error.filename is None and error.errno is not None:  # of a write: the disk is full
                raise OSError(error.errno, error.strerror, str(out)) from error
            raise
        finally:
            remove(work)


def _put_back(out: Path) -> None:
    """Of a compile that was killed between its two renames: the old build, if nothing took its place; else it is removed."""
    for old in remains_of(out, OLD):
        if out.exists():
            remove(old)
        else:
            old.rename(out)


def _flush(folder: Path) -> None:
    """The disk has every file before the folder is in its place."""
    for name, _ in _entries(folder, folder):
        file = os.open(folder / name, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def _swap(work: Path, out: Path) -> None:
    """``work`` to the place of ``out``; what was there is removed. In one step where the system can do that."""
    if not out.exists():
        work.rename(out)
    elif not _exchange(work, out):
        old = part_of(out, OLD)
        out.rename(old)
        try:
            work.rename(out)
        except OSError:
            old.rename(out)
            raise
        remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Whether both have changed places."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0
