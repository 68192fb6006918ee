"""Where a clip cuts to another scene: the colours of a frame and its picture change at once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import Frame

SMALL_WH = 64, 36
ENOUGH = 144  # pixels of a short side that are looked at: averaging all takes milliseconds
COLOURS = 0.35  # share of the pixels whose colour (of 512) is not in the frame before,
PICTURE = 0.08  # and the mean difference of pixels, of 1, from which a change may be a cut,
SUDDEN = 3.0  # if it is so many times the change of the frames before
SLOW = 0.8  # what the mean change of the frames before keeps of itself at a frame


@dataclass
class Cuts:
    """Finds cuts in the frames of a clip, one `add` a frame; keeps one small picture."""

    _picture: NDArray[np.floating] | None = None
    _colours: NDArray[np.floating] | None = None
    _usual: float = 0.0

    def add(self, frame: Frame) -> bool:
        """Take the next frame (H, W, 3); return whether a new scene begins with it."""
        step = max(1, min(frame.shape[:2]) // ENOUGH)
        sparse = np.ascontiguousarray(frame[::step, ::step])
        small = cv2.resize(sparse, SMALL_WH, interpolation=cv2.INTER_AREA)
        colours = cv2.calcHist([small], [0, 1, 2], None, [8] * 3, [0, 256] * 3).ravel()
        before, colours_before = self._picture, self._colours
        self._picture = np.asarray(small, np.float32) / np.float32(255)
        self._colours = np.asarray(colours / small[..., 0].size, np.float32)
        if before is None or colours_before is None:
            return False
        change = float(np.abs(self._picture - before).mean())
        new = 1 - float(np.minimum(self._colours, colours_before).sum())
        cut = new > COLOURS and change > max(PICTURE, SUDDEN * self._usual)
        self._usual = 0.0 if cut else SLOW * self._usual + (1 - SLOW) * change
        return cut
