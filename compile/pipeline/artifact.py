"""The build folder, written whole or not at all.

A build is made in a temporary folder beside its place and renamed into it. An older build there is replaced; anything else is left
alone with an error. A killed compile leaves the old build or none.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devices.errors import InputError
from runtime.builds.manifest import is_build


def check_place(out: Path) -> None:
    """InputError if ``out`` holds something that is not one of our builds."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"output '{out}' is a file or link. Give a folder that does not exist yet, or an older build.")
    if out.is_dir() and any(out.iterdir()) and not is_build(out):
        raise InputError(f"output folder '{out}' is not empty and not a build of ours, so it is not overwritten. Give another folder or remove it.")
    for parent in out.parents:
        if parent.exists():
            if not parent.is_dir():
                raise InputError(f"output '{out}' lies below '{parent}', which is not a folder. Give another folder.")
            break


def check_writable(out: Path) -> None:
    """InputError unless a folder can be made where ``out`` is to be; one is made there and removed again."""
    above = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=above)).rmdir()
    except OSError as error:
        raise InputError(f"output '{out}' cannot be written: {error.strerror} ('{above}'). Give another folder with --out.") from error


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``out`` when the block ends without an exception, and is removed otherwise."""
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    work.chmod(0o755)
    try:
        yield work
        _swap(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, out: Path) -> None:
    if not out.exists():
        work.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    moved = old / out.name
    out.rename(moved)
    try:
        work.rename(out)
    except OSError:
        moved.rename(out)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
