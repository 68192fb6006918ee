"""What annotators' formats share: classes, run lengths, and polygons along the edges of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

Ring = NDArray[
    np.float64
]  # (N, 2) x, y; 0, 0 is the outer corner of the first pixel; closed from last to first

_CORNERS = 256


def classes(names: Mapping[int, str]) -> dict[int, str]:
    """Return the classes by id: one for each different name, under the lowest id of the objects called so."""
    found: dict[str, int] = {}
    for object_id in sorted(names):
        found.setdefault(names[object_id], object_id)
    return {class_id: name for name, class_id in found.items()}


def class_of(names: Mapping[int, str], object_id: int) -> int:
    """Return the id of an object's class."""
    return next(i for i in sorted(names) if names[i] == names[object_id])


def run_lengths(inside: NDArray[np.bool_]) -> dict[str, Any]:
    """Return a mask (H, W) as COCO's compressed run lengths: {"size": [H, W], "counts": text}."""
    runs = coco_mask.encode(np.asfortranarray(inside, dtype=np.uint8))
    return {"size": [int(n) for n in runs["size"]], "counts": runs["counts"].decode("ascii")}


def polygons(inside: NDArray[np.bool_], tolerance: float) -> list[Ring]:
    """Return one ring for each part of a mask (H, W), its holes joined to it by cuts without width.

    With a tolerance of 0 the rings run along the edges of the pixels and enclose exactly them;
    otherwise corners are left out that are within so many pixels of the line.
    """
    # At twice the size every pixel has a corner of its own: its even coordinates are its first edge, its odd
    # ones its last, and (c + 1) // 2 is the edge that c stands for; steps across corners fall together.
    left, top, width, height = box(inside)
    double = inside[top : top + height, left : left + width].astype(np.uint8).repeat(2, 0).repeat(2, 1)
    found, links = cv2.findContours(double, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(2 * left, 2 * top))
    rings = [_simple((np.asarray(points, np.int32)[:, 0] + 1) // 2, tolerance) for points in found]
    parts = {i: ring for i, ring in enumerate(rings) if links[0][i][3] < 0}
    for i, ring in enumerate(rings):
        parent = int(links[0][i][3])
        if parent >= 0:
            parts[parent] = join(parts[parent], ring)
    return list(parts.values())


def polygon(inside: NDArray[np.bool_], tolerance: float) -> Ring | None:
    """Return one ring for a whole mask, its parts and holes joined by cuts without width; None if empty."""
    whole: Ring | None = None
    for part in polygons(inside, tolerance):
        whole = part if whole is None else join(whole, part)
    return whole


def join(ring: Ring, other: Ring) -> Ring:
    """Return two rings as one: there and back between their nearest corners."""
    best, i, j = np.inf, 0, 0
    for first in range(0, len(ring), _CORNERS):  # a long ring against a long one would fill the memory
        distance = np.abs(ring[first : first + _CORNERS, None] - other[None]).sum(2)
        k, m = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[k, m] < best:
            best, i, j = distance[k, m], first + int(k), int(m)
    return np.concatenate([ring[: i + 1], other[j:], other[: j + 1], ring[i:]])


def flat(ring: Ring) -> list[float]:
    """Return x, y, x, y and on, at hundredths of a pixel."""
    return [round(float(v), 2) for v in ring.ravel()]


def box(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return the box of a mask as left, top, width, height; all 0 for an empty one."""
    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    return left, top, width, height


def present(mask: NDArray[np.uint8], objects: Iterable[int]) -> list[int]:
    """Return which of the objects a label map has, ascending."""
    counts = np.bincount(mask.ravel(), minlength=256)
    return [i for i in sorted(objects) if counts[i]]


def _simple(points: NDArray[np.int32], tolerance: float) -> Ring:
    """Return the corners of a closed line, without points on straight parts and within the tolerance."""
    points = points[np.any(points != np.roll(points, 1, 0), axis=1)]
    ahead, behind = np.roll(points, -1, 0) - points, points - np.roll(points, 1, 0)
    ring = points[ahead[:, 0] * behind[:, 1] != ahead[:, 1] * behind[:, 0]]
    if tolerance:
        less = cv2.approxPolyDP(ring.astype(np.int32)[:, None], tolerance, closed=True)[:, 0]
        ring = less if len(less) >= 3 else ring
    return cast(Ring, ring.astype(np.float64))
