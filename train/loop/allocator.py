"""Memory that training on a CPU frees stays with the process: the next step needs arrays of the same sizes again.

glibc gives large blocks back to the system at once, and the system fills every page of a new one with zeros; a spiking step spends half its
time on that. Elsewhere than under glibc nothing is done.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and values of <malloc.h>
LIMIT = 2**31 - 1  # bytes; the largest value that mallopt's int holds


def keep_freed_memory() -> bool:
    """Ask glibc's malloc to keep what is freed; whether it will."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LIMIT)) and bool(mallopt(M_TRIM_THRESHOLD, LIMIT))
