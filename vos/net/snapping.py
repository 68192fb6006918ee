"""Snapping: a mask is made to end where the picture has contours, by a vote in each superpixel.

Caelles et al. (CVPR 2017), section 3.4. There superpixels are cut out of an ultrametric map of the contours;
here they are the basins of a watershed, and only a large majority of a basin outvotes the rest. Without a
network's contours, steps of colour are taken for them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import Frame, Mask

CELL = 10  # pixels: superpixels are about this wide, where no contour says otherwise
MAJORITY = 0.8  # of a superpixel's pixels: where fewer agree, the object does not end where it does
SMOOTH = 1.0  # pixels of blur before steps are measured: texture is no contour


def steps(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strong a contour is, (H, W): the largest gradient of three colour channels (H, W, 3)."""
    x, y = cv2.Sobel(colours, cv2.CV_32F, 1, 0), cv2.Sobel(colours, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(x, y).reshape(colours.shape).max(2), np.float32)


def superpixels(frame: Frame, contours: NDArray[np.float32] | None = None) -> NDArray[np.int32]:
    """Divide a frame into basins (H, W), numbered from 1, that contours (H, W), 0..1, part.

    A basin starts from the place of least contour in each cell of a grid, the middle one of several. The
    lines that watershed leaves between basins go to one beside them.
    """
    colours = cv2.GaussianBlur(cv2.cvtColor(frame, cv2.COLOR_RGB2LAB), (0, 0), SMOOTH)
    if contours is not None:  # they count, colour decides where they say nothing
        colours = np.dstack((255 * contours, colours[..., 0] / 4, colours[..., 1] / 4)).astype(np.uint8)
    height, width = frame.shape[:2]
    y, x = np.ogrid[:height, :width]
    from_middle = (y % CELL - CELL // 2) ** 2 + (x % CELL - CELL // 2) ** 2
    cost = steps(np.asarray(colours, np.uint8)) + 1e-3 * from_middle
    if contours is not None:
        cost += 255 * contours
    seeds = np.zeros((height, width), np.int32)
    number = 0
    for top in range(0, height, CELL):
        for left in range(0, width, CELL):
            cell = cost[top : top + CELL, left : left + CELL]
            down, right = divmod(int(cell.argmin()), cell.shape[1])
            number += 1
            seeds[top + down, left + right] = number
    colours = cv2.copyMakeBorder(colours, 1, 1, 1, 1, cv2.BORDER_REPLICATE)  # watershed leaves out the border
    basins = cv2.watershed(colours, np.pad(seeds, 1))  # floods small differences of neighbours first
    beside = cv2.dilate(basins.astype(np.float32), np.ones((3, 3), np.uint8))  # float32 is exact up to 2^24
    return np.where(basins > 0, basins, beside)[1:-1, 1:-1].astype(np.int32)


def vote_in_regions(mask: Mask, regions: NDArray[np.int32]) -> Mask:
    """Give each region (H, W), numbered from 0 or 1, the label that MAJORITY of its pixels have, if any."""
    votes = np.bincount(regions.ravel() * 256 + mask.ravel(), minlength=256 * (int(regions.max()) + 1))
    votes = votes.reshape(-1, 256)
    agreed = votes.max(1) >= MAJORITY * votes.sum(1)
    return np.where(agreed[regions], votes.argmax(1)[regions], mask).astype(np.uint8)


def snap(mask: Mask, frame: Frame, contours: NDArray[np.float32] | None = None) -> Mask:
    """Snap a label map (H, W) to the contours of its frame."""
    return vote_in_regions(mask, superpixels(frame, contours)) if mask.any() else mask
