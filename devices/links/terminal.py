"""A pseudo-terminal for a connection in this process, so that other programs can open it as a serial port."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from devices.errors import NearwireError
from devices.links.base import Connection

PAUSE_S = 0.002


class Terminal:
    """A new pseudo-terminal; ``path`` is what others open. Use as a context manager."""

    def __init__(self, connection: Connection) -> None:
        try:
            import pty
            import tty
        except ImportError as error:
            raise NearwireError(
                "this system has no pseudo-terminals, so an emulated board cannot be given a serial port. Use Linux or macOS."
            ) from error
        self._connection = connection
        self._ours, self._theirs = pty.openpty()  # held open, so that a host may come and go
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.path = os.ttyname(self._theirs)

    def serve(self, running: Callable[[], bool]) -> None:
        """Pass bytes both ways as long as ``running`` says so. What nobody reads is dropped when the terminal is full, as a UART would."""
        while running():
            if answer := self._connection.read(0.0):
                with contextlib.suppress(BlockingIOError):
                    os.write(self._ours, answer)
            try:
                self._connection.write(os.read(self._ours, 4096))
            except BlockingIOError:
                time.sleep(PAUSE_S)

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
