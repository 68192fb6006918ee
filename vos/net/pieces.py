"""The pieces of a mask: those that somebody points at are meant, the others are mistakes."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

BRIDGED = 1 / 80  # of the short side: pieces this far apart are one


def keep_meant(
    prob: NDArray[np.float32], places_xy: Iterable[tuple[float, float]], meant: NDArray[np.bool_]
) -> None:
    """Set the pieces of a soft mask (H, W) to 0 that nothing points at, in place; unless that leaves none.

    Those stay that one of the places is on, and those that are for more than half where `meant` (H, W) is.
    """
    reach = 2 * max(1, round(min(prob.shape) * BRIDGED / 2)) + 1
    inside = prob > 0.5
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    count, pieces = cv2.connectedComponents(cv2.dilate(inside.view(np.uint8), near))
    kept = np.zeros(count, bool)
    for x, y in places_xy:
        kept[pieces[int(y), int(x)]] = True
    sizes, shares = (np.bincount(pieces[part], minlength=count) for part in (inside, inside & meant))
    kept |= 2 * shares > sizes
    if kept[1:].any():
        prob[~kept[pieces] & (pieces > 0)] = 0
