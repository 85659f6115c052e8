"""The one interface to a board that runs a program: a stream of bytes each way. ``devices.links.open_link`` opens any of them.

To add a link: a file here with a subclass of ``Connection`` and a function that opens it, and a line in ``LINKS`` of ``__init__``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType


class Connection(ABC):
    """An open line to a running program. Use as a context manager; ``close`` ends what was started for it."""

    where: str  # for messages: 'serial port /dev/ttyACM0'

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes; NearwireError if the line is broken."""

    @abstractmethod
    def read(self, timeout_s: float) -> bytes:
        """The bytes that have come, at least one; b"" if none came within the time. NearwireError if the line is broken."""

    @property
    def path(self) -> str | None:
        """A device file that other programs can open instead; None if there is none."""
        return None

    def check(self) -> None:  # noqa: B027 (most cannot end by themselves)
        """NearwireError if what runs behind the line has ended."""

    def close(self) -> None:  # noqa: B027 (some have nothing to end)
        """End what was started."""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
