"""What a process is set to before torch loads; the entry points (command line, dashboard) call it once."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
_MB = 1 << 20


def prepare_process() -> None:
    """Make torch's threads sleep soon when they wait, and keep freed memory with the process.

    Spinning threads take the cores from the video encoder and the dashboard. The GNU C library gives freed
    blocks of megabytes back to the system, which clears every page of the next: a quarter of a frame's time.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # read once, when torch loads
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_TRIM_THRESHOLD, 256 * _MB)
        libc.mallopt(_MMAP_THRESHOLD, 32 * _MB)
        libc.mallopt(_ARENA_MAX, 1)
