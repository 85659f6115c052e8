"""What ends a command from outside. SIGTERM and the end of the terminal (SIGHUP) are heard as Ctrl-C is: whoever cleans up behind one does so behind
the others. The status is 128 and the number of the signal, as a shell says it: 130, 143, 129.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
HEARD = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(KeyboardInterrupt):
    """Asked to end by a signal other than that of Ctrl-C."""


@dataclass
class Interruption:
    """What has come while signals were heard."""

    number: int = signal.SIGINT  # of the signal that asked to end; that of Ctrl-C unless another came

    @property
    def status(self) -> int:
        return 128 + self.number


@contextmanager
def heard() -> Iterator[Interruption]:
    """Raise ``Terminated`` where the signals would end the process without a word. A second one does not disturb the clean-up. Signals that someone
    else has taken or told the process to ignore (nohup) stay theirs; outside the main thread nothing is done.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    ours = [number for number in HEARD if signal.getsignal(number) == signal.SIG_DFL]

    def end(number: int, _frame: FrameType | None) -> None:
        for other in ours:
            signal.signal(other, signal.SIG_IGN)
        interruption.number = number
        raise Terminated

    for number in ours:
        signal.signal(number, end)
    try:
        yield interruption
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def deferred(stop: Callable[[], object]) -> Iterator[None]:
    """Around a call into a library that calls back: an exception that a signal raises within such a callback may be lost. The signal is kept instead,
    ``stop`` is called so that the library comes back, and then whoever had the signal gets it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = {number: handler for number in (signal.SIGINT, *HEARD) if callable(handler := signal.getsignal(number))}
    came: list[int] = []

    def keep(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop()

    for number in taken:
        signal.signal(number, keep)
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
        if came:
            taken[came[0]](came[0], None)
