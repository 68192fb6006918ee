"""How good a segmentation is: J (overlap), F (contour), T (stability), their statistics, and G.

Definitions: Perazzi et al., CVPR 2016, section 5; Pont-Tuset et al., arXiv:1704.00675; Xu et al., ECCV 2018.
Conventions are those of the public DAVIS evaluation; docs/measures.md lists them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.types import VOID, Mask

Region = NDArray[np.bool_]  # (H, W): the pixels of one object
BOUND = 0.008  # F matches contours within this share of the image's diagonal
RECALL = 0.5  # recall is the share of frames above this value


@dataclass(frozen=True)
class Statistics:
    """Mean, recall and decay of one measure over the frames of one object, in sequence order."""

    mean: float
    recall: float
    decay: float


@dataclass(frozen=True)
class Overall:
    """The YouTube-VOS score: `g` is the mean of the other four; a side without objects is NaN."""

    g: float
    j_seen: float
    j_unseen: float
    f_seen: float
    f_unseen: float


@dataclass(frozen=True)
class ObjectScore:
    """Mean J and F of one object, and whether its category is among those seen in training."""

    j: float
    f: float
    seen: bool


def regions(truth: Mask, prediction: Mask, objects: Sequence[int]) -> list[tuple[Region, Region]]:
    """Return (truth, prediction) of each object; what the truth calls void (255) is background.

    So does the official semi-supervised evaluation of DAVIS 2017: it passes no void pixels on.

    Raises:
        InvalidInput: the two label maps differ in size.
    """
    if truth.shape != prediction.shape:
        raise InvalidInput(
            f"a mask of {_size(prediction)} cannot be scored against a ground truth of {_size(truth)}"
        )
    return [(truth == i, prediction == i) for i in objects]


def merge(mask: Mask) -> Mask:
    """Return a label map with all objects as one object, 1; void stays void."""
    merged = (mask > 0).astype(np.uint8)
    merged[mask == VOID] = VOID
    return merged


def jaccard(truth: Region, prediction: Region) -> float:
    """J: intersection over union; two empty regions agree (1)."""
    union = np.count_nonzero(truth | prediction)
    return np.count_nonzero(truth & prediction) / union if union else 1.0


def boundary_f(truth: Region, prediction: Region) -> float:
    """F: harmonic mean of the contours' precision and recall (Martin et al., PAMI 2004).

    A contour pixel is matched when the other contour has a pixel within a distance of
    ceil(0.008 x diagonal) pixels.
    """
    radius = math.ceil(BOUND * math.hypot(*truth.shape))
    rows, columns = _window(truth, prediction)
    lines = [_boundary(region[rows, columns].view(np.uint8)) for region in (truth, prediction)]
    counts = [np.count_nonzero(line) for line in lines]
    if not all(counts):
        return 0.0 if any(counts) else 1.0
    recall, precision = (
        np.count_nonzero(np.bitwise_and(line, cv2.dilate(other, _disk(radius)))) / count
        for line, other, count in zip(lines, reversed(lines), counts, strict=True)
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def statistics(values: Sequence[float]) -> Statistics:
    """Mean, recall (share above 0.5) and decay (first quarter minus last) of per-frame values.

    The mean leaves NaN out, the recall counts it as a miss. The quarters share their end frames,
    as in the DAVIS evaluation. All three are NaN without any value.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return Statistics(math.nan, math.nan, math.nan)
    edges = np.round(np.linspace(1, array.size, 5) + 1e-10).astype(int) - 1
    first, last = array[: edges[1] + 1], array[edges[3] :]
    return Statistics(mean(array), float(np.mean(array > RECALL)), mean(first) - mean(last))


def mean(values: Iterable[float]) -> float:
    """Return the mean of the values that are not NaN; NaN without any."""
    array = np.fromiter(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    return float(array.mean()) if array.size else math.nan


def overall(objects: Iterable[ObjectScore]) -> Overall:
    """G of YouTube-VOS: J and F averaged over seen and over unseen objects, then over the four."""
    scores = tuple(objects)
    j_seen, j_unseen = (mean(s.j for s in scores if s.seen is seen) for seen in (True, False))
    f_seen, f_unseen = (mean(s.f for s in scores if s.seen is seen) for seen in (True, False))
    return Overall((j_seen + j_unseen + f_seen + f_unseen) / 4, j_seen, j_unseen, f_seen, f_unseen)


def _size(mask: Mask) -> str:
    return f"{mask.shape[1]}x{mask.shape[0]}"


def _window(a: Region, b: Region) -> tuple[slice, slice]:
    """Rows and columns around both regions and one background pixel more, inside the image.

    All contour pixels of both lie in it, so F needs to look nowhere else.
    """
    left, top, width, height = cv2.boundingRect((a | b).view(np.uint8))
    return slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)


def _boundary(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mark (1) each pixel that differs from its right, lower or lower right neighbour in the image."""
    line = np.zeros_like(region)
    line[:, :-1] |= region[:, :-1] ^ region[:, 1:]
    line[:-1] |= region[:-1] ^ region[1:]
    line[:-1, :-1] |= region[:-1, :-1] ^ region[1:, 1:]
    return line


def _disk(radius: int) -> NDArray[np.uint8]:
    squares = np.arange(-radius, radius + 1) ** 2
    return (squares[:, None] + squares[None, :] <= radius**2).astype(np.uint8)
