"""The pieces of a mask: those that somebody points at are meant, the others are mistakes."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

BRIDGED = 1 / 160  # of the short side: pieces this far apart are one
ENOUGH_PX = 480  # of the short side: larger masks are looked at in fewer pixels


def keep_meant(
    prob: NDArray[np.float32], places_xy: Iterable[tuple[float, float]], meant: NDArray[np.bool_]
) -> None:
    """Set the pieces of a soft mask (H, W) to 0 that nothing points at, in place; unless that leaves none.

    Those stay that one of the places is on, and those that are for more than half where `meant` (H, W) is.
    """
    height, width = prob.shape
    fewer = min(1, ENOUGH_PX / min(height, width))
    size_wh = max(1, round(width * fewer)), max(1, round(height * fewer))
    inside, wanted = (
        cv2.resize(plane.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
        for plane in (prob > 0.5, meant & (prob > 0.5))
    )
    reach = 2 * max(1, round(min(size_wh) * BRIDGED / 2)) + 1
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    count, pieces = cv2.connectedComponents(cv2.dilate((inside > 0).view(np.uint8), near))
    kept = np.zeros(count, bool)
    for x, y in places_xy:
        kept[pieces[int(y * size_wh[1] / height), int(x * size_wh[0] / width)]] = True
    sizes, shares = (np.bincount(pieces.ravel(), p.ravel(), count) for p in (inside, wanted))
    kept |= 2 * shares > sizes
    if kept[1:].any():
        wrong = (~kept[pieces] & (pieces > 0)).view(np.uint8)
        prob[cv2.resize(wrong, (width, height), interpolation=cv2.INTER_NEAREST) > 0] = 0
