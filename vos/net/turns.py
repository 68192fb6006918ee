"""A prompted frame as its objects may look later: turned."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import Frame

Planes = NDArray[np.float32]


def rotate(frame: Frame, prob: Planes, degrees: float) -> tuple[Frame, Planes]:
    """Return a frame uint8 (h, w, 3) and soft masks (O, h, w) turned about the masks, counter-clockwise.

    What comes in at the border is the frame and its masks reflected.
    """
    matrix = cv2.getRotationMatrix2D(_centre(prob), degrees, 1)
    size_wh, border = (frame.shape[1], frame.shape[0]), cv2.BORDER_REFLECT_101
    planes = [cv2.warpAffine(plane, matrix, size_wh, borderMode=border) for plane in prob]
    frame = np.asarray(cv2.warpAffine(frame, matrix, size_wh, borderMode=border), np.uint8)
    return frame, np.asarray(planes, np.float32)


def _centre(prob: Planes) -> tuple[float, float]:
    """Return the centre of mass (x, y) of soft masks, or the middle of the frame if there is nothing."""
    moments = cv2.moments(prob.sum(0))
    mass = moments["m00"]
    if not mass:
        return (prob.shape[2] - 1) / 2, (prob.shape[1] - 1) / 2
    return moments["m10"] / mass, moments["m01"] / mass
