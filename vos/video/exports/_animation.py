"""What moving pictures without sound share: fewer, smaller frames, with their objects drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import cv2
import numpy as np

from vos.types import Frame
from vos.video.exportable import Exportable, Shot
from vos.video.exports._drawing import Drawing, DrawingOptions
from vos.video.picture import TICKS


def width(default: int) -> Any:
    """Return the option for the width."""
    return field(default=default, metadata={"help": "At most, in pixels", "min": 16, "max": 4096})


def fps(default: float) -> Any:
    """Return the option for the rate."""
    return field(default=default, metadata={"help": "Frames a second, at most", "min": 0.1, "max": 50.0})


class Animation:
    """Draws the frames of an animation: at most so wide, at most so many a second."""

    def __init__(self, source: Exportable, options: DrawingOptions, *, width: int, fps: float) -> None:
        height, full = source.size_hw
        scale = min(1.0, width / full)
        self.size_hw = max(1, round(height * scale)), max(1, round(full * scale))
        self._source = source
        self._drawing = Drawing(source, options)
        self._step = TICKS / fps

    def shots(self) -> Iterator[tuple[Shot, bool]]:
        """Yield every frame and whether the animation shows it."""
        due = 0.0
        for shot in self._source.shots():
            shown = shot.pts >= due - 1  # times are rounded to 1/90000 s
            if shown:
                due = max(due + self._step, shot.pts + self._step / 2)
            yield shot, shown

    def samples(self, count: int) -> Iterator[Frame]:
        """Yield drawn frames from all over the clip, at most so many."""
        numbers = np.unique(np.linspace(0, self._source.frames - 1, count).round().astype(int)).tolist()
        height, width = self._source.size_hw
        for number, frame in zip(numbers, self._source.clip.sample(numbers), strict=True):
            cut = np.ascontiguousarray(frame[:height, :width])
            yield self.draw(Shot(number, 0, 0, cut, self._source.mask(number)))

    def draw(self, shot: Shot) -> Frame:
        """Return a frame as the animation shows it, (h, w, 3)."""
        size_wh = self.size_hw[::-1]
        return np.asarray(cv2.resize(self._drawing(shot), size_wh, interpolation=cv2.INTER_AREA), np.uint8)
