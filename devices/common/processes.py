"""A program of this computer whose output is bounded: it is ended when it takes too long or says more than it may."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CHUNK = 1 << 16


class TooMuch(Exception):
    """The program said more than ``most_bytes``."""


@dataclass(frozen=True)
class Ended:
    """What a program returned; ``code`` is negative for the signal that ended it."""

    code: int
    out: bytes
    err: bytes


def run_bounded(
    words: Sequence[str],
    stdin: bytes,
    limit_s: float,
    most_bytes: int,
    folder: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run to the end. subprocess.TimeoutExpired and TooMuch (more than ``most_bytes`` on one of its outputs) once it is ended."""
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=None if environment is None else dict(environment),
    ) as process:
        outputs, flooded = [bytearray(), bytearray()], threading.Event()

        def read(stream: IO[bytes], kept: bytearray) -> None:
            while chunk := stream.read1(CHUNK):  # type: ignore[attr-defined]
                if len(kept) + len(chunk) > most_bytes:
                    flooded.set()
                    process.kill()
                    return
                kept += chunk

        def feed() -> None:
            with contextlib.suppress(OSError, ValueError):  # a program that does not read its input ends by itself
                process.stdin.write(stdin)  # type: ignore[union-attr]
                process.stdin.close()  # type: ignore[union-attr]

        threads = [threading.Thread(target=feed, daemon=True)]
        for stream, kept in zip((process.stdout, process.stderr), outputs, strict=True):
            threads.append(threading.Thread(target=read, args=(stream, kept), daemon=True))
        try:
            for thread in threads:
                thread.start()
            process.wait(limit_s)
            for thread in threads[1:]:
                thread.join(1.0)  # a grandchild may hold its output open
        finally:
            process.kill()
        if flooded.is_set():
            raise TooMuch
        return Ended(process.returncode, bytes(outputs[0]), bytes(outputs[1]))
