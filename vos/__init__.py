"""Video object segmentation: one object out of a video, from its mask on one frame."""

import ctypes
import os
import sys

__version__ = "0.1.0"

# Torch's threads spin while they wait for each other, and what else runs (the video encoder, the dashboard,
# other programs) waits for them. Spinning briefly, then sleeping, took 113 ms a frame of the default engine
# where spinning took 106 on two idle cores, and 264 where it took 326 beside another busy program. It must
# be said before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

# The GNU C library gives freed blocks of megabytes back to the system, which clears every page of the next:
# 33 ms a frame of the default engine, where it takes 26 if the process keeps them (up to so many bytes).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h
if sys.platform == "linux" and hasattr(_libc := ctypes.CDLL(None), "mallopt"):
    _libc.mallopt(_TRIM_THRESHOLD, 256 << 20)
    _libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
    _libc.mallopt(_ARENA_MAX, 1)
