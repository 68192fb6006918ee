"""Small changes of one object's shape on one frame: fill its holes, smooth its edge, grow or shrink it."""

from __future__ import annotations

import cv2
import numpy as np

from vos.types import Mask
from vos.video.finish import Finish, finish_at

SMOOTH = 1 / 100  # of the short side: bumps smaller than that go


def fill_holes(plane: Mask) -> Mask:
    """Return a plane (H, W) of 0 and 1 with what it encloses filled."""
    return finish_at([plane], 0, Finish(holes=True))


def grow(plane: Mask, pixels: int) -> Mask:
    """Return a plane (H, W) of 0 and 1 grown by so many pixels or, below 0, shrunk."""
    return finish_at([plane], 0, Finish(grow=pixels))


def smooth(plane: Mask) -> Mask:
    """Return a plane (H, W) of 0 and 1 whose edge has no small bumps and dents any more."""
    size = 2 * max(1, round(min(plane.shape) * SMOOTH / 2)) + 1
    return np.asarray(cv2.medianBlur(plane, size), np.uint8)
