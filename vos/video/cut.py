"""A clip without what its file has beyond its true size: H.264 wants even sizes, so files are padded."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Protocol

from vos.types import Frame, VideoInfo
from vos.video.picture import Picture


class _Source(Protocol):
    info: VideoInfo

    def pictures(self, first: int) -> Iterator[Picture]: ...
    def far(self, index: int, target: int) -> bool: ...
    def warnings(self) -> tuple[str, ...]: ...
    def digest(self) -> str: ...


class Cut:
    """A source whose pictures keep their first `size_hw` rows and columns."""

    def __init__(self, source: _Source, size_hw: tuple[int, int]) -> None:
        height, width = size_hw
        self.info = dataclasses.replace(source.info, height=height, width=width)
        self.far, self.warnings, self.digest = source.far, source.warnings, source.digest
        self._source = source

    def pictures(self, first: int) -> Iterator[Picture]:
        """Yield the pictures from number `first` on."""
        for picture in self._source.pictures(first):
            yield dataclasses.replace(picture, frame=functools.partial(self._cut, picture.frame))

    def _cut(self, whole: Callable[[], Frame]) -> Frame:
        return whole()[: self.info.height, : self.info.width]
