"""Frames decoded lately, kept in the process for the next look at them or near them; bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from vos.video.picture import LazyFrame

_LIMIT_BYTES = 192 << 20


class NearFrames:
    """Decoded frames by clip and number, the latest used kept; each step is one that threads cannot split."""

    def __init__(self, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held: OrderedDict[tuple[Hashable, int], LazyFrame] = OrderedDict()

    def get(self, clip: Hashable, number: int) -> LazyFrame | None:
        """Return a frame that is held, and hold it longest from now on."""
        frame = self._held.pop((clip, number), None)
        if frame is not None:
            self._held[clip, number] = frame
        return frame

    def add(self, clip: Hashable, frame: LazyFrame) -> None:
        """Hold a frame, and drop those that nobody used longest where there are too many."""
        self._held[clip, frame.index] = frame
        while self.size_bytes > self._limit_bytes and len(self._held) > 1:
            self._held.popitem(last=False)

    def clear(self) -> None:
        """Let all frames go."""
        self._held.clear()

    @property
    def size_bytes(self) -> int:
        """How much memory the frames take."""
        return sum(frame.size_bytes for frame in list(self._held.values()))


NEAR = NearFrames()
