"""Where a user clicks next: in the middle of the largest error."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.bool_]


def next_click(
    mask: Pixels, truth: Pixels, counted: Pixels | None = None, rng: np.random.Generator | None = None
) -> tuple[float, float, float]:
    """Return x, y, and 1 where the object was missed, -1 where it is not; all 0 if nothing is wrong.

    It is the place deepest inside the largest false region, by the distance to its edge and the frame's; with
    `rng` any place at least part of the way in. counted: where not, nothing is wrong. All are (H, W).
    (Sofiiuk et al., "Reviving Iterative Training with Mask Guidance", 2021, section 3.2.)
    """
    missed, wrong = (_depth(region, counted) for region in (truth & ~mask, mask & ~truth))
    depth, sign = (missed, 1.0) if missed.max() > wrong.max() else (wrong, -1.0)
    most = float(depth.max())
    if most <= 0:
        return 0.0, 0.0, 0.0
    if rng is None:
        at = int(depth.argmax())
    else:
        at = int(rng.choice(np.flatnonzero(depth >= most * rng.uniform(0.2, 1))))
    return float(at % depth.shape[1]), float(at // depth.shape[1]), sign


def _depth(region: Pixels, counted: Pixels | None) -> NDArray[np.float32]:
    region = region if counted is None else region & counted
    padded = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1])
