"""Shapes that were drawn over a frame, as Fabric.js tells them, become pixels of a label map."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import VOID, Mask
from vos.video.draw import hex_colour

Points = NDArray[np.float64]  # (N, 2) x, y

ERASER = "#fffffe"
_SHIFT = 4  # fractional bits of cv2's fixed-point coordinates
_FAR = 1e5  # px: no canvas reaches there, and cv2's coordinates hold it
_IDS = {hex_colour(i): i for i in range(1, VOID)} | {ERASER: 0}


class Region(NamedTuple):
    """A part of a frame, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def zoomed(size_hw: tuple[int, int], zoom: int, centre_xy: tuple[float, float] = (0.5, 0.5)) -> Region:
    """Return the part of a frame that `zoom` times its size shows around a place, in shares of its sides."""
    wide, high = (max(1, round(side / zoom)) for side in (size_hw[1], size_hw[0]))
    left, top = (
        min(max(0, round(share * side - part / 2)), side - part)
        for share, side, part in zip(centre_xy, (size_hw[1], size_hw[0]), (wide, high), strict=True)
    )
    return Region(left, top, wide, high)


@dataclass(frozen=True, eq=False)
class Stroke:
    """One shape on the canvas: a disk of `width_px` swept along points or, without one, a filled outline.

    Points and width are in pixels of the canvas. Object 0 erases.
    """

    object_id: int
    points: Points
    width_px: float | None = None


def read_stroke(shape: Any) -> Stroke | None:
    """Return a shape of the canvas as a stroke, or None for one that paints nothing.

    A click without a drag leaves a speck of a shape, which is not meant.
    """
    try:
        object_id = _IDS[str(shape["stroke"])[:7].lower()]
        points = np.clip(_placed(_outline(shape), shape), -_FAR, _FAR)
        width_px = None
        if shape["type"] == "Path":
            width_px = min(abs(float(shape.get("strokeWidth", 1)) * float(shape.get("scaleX", 1))), _FAR)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    if not np.isfinite(points).all() or (width_px is not None and not np.isfinite(width_px)):
        return None
    speck = width_px is None and np.ptp(points, axis=0).min() < 2
    return None if speck else Stroke(object_id, points, width_px)


def paint(mask: Mask, stroke: Stroke, shown_hw: tuple[int, int], region: Region | None = None) -> Mask:
    """Return a label map (H, W) with a stroke on it, at the mask's own size.

    The canvas had (height, width) `shown_hw` and showed the region, or the whole frame.
    """
    painted = mask.copy()
    part = region or Region(0, 0, mask.shape[1], mask.shape[0])
    scale = np.array([part.width / shown_hw[1], part.height / shown_hw[0]])
    points = stroke.points * scale + (part.left, part.top)
    if stroke.width_px is None:
        _fill(painted, points, stroke.object_id)
    else:
        _brush(painted, points, stroke.width_px * float(np.mean(scale)) / 2, stroke.object_id)
    return painted


def _outline(shape: Any) -> Points:
    """Return a shape's points in its own coordinates."""
    if shape["type"] == "Path":
        return _flatten(shape["path"])
    if shape["type"] == "Polygon":
        corners = np.array([(p["x"], p["y"]) for p in shape["points"]], float)
        if len(corners) < 3:
            raise ValueError("a polygon has three corners")
        return corners
    if shape["type"] == "Rect":
        w, h = float(shape["width"]), float(shape["height"])
        return np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    raise ValueError("not a shape that paints")


def _flatten(path: list[list[Any]]) -> Points:
    """Return a path's moves, lines and quadratic curves as points."""
    points: list[tuple[float, float]] = []
    steps = np.linspace(0, 1, 5)[1:]
    for command, *numbers in path:
        if command in ("M", "L"):
            points.append((float(numbers[0]), float(numbers[1])))
        elif command == "Q" and points:
            start, bend, end = (
                np.array(points[-1]),
                np.array(numbers[:2], float),
                np.array(numbers[2:], float),
            )
            points += [tuple((1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t * t * end) for t in steps]
    return np.array(points, float).reshape(-1, 2)


def _placed(points: Points, shape: Mapping[str, Any]) -> Points:
    """Return points where the shape stands on the canvas: turned, scaled and moved by the user."""
    low, high = points.min(axis=0), points.max(axis=0)
    origin = {"left": 0.0, "top": 0.0, "center": 0.5, "right": 1.0, "bottom": 1.0}
    share = np.array([origin[shape.get("originX", "left")], origin[shape.get("originY", "top")]])
    size = np.array([float(shape.get("scaleX", 1.0)), float(shape.get("scaleY", 1.0))])
    flip = np.array([-1.0 if shape.get("flipX") else 1.0, -1.0 if shape.get("flipY") else 1.0])
    angle = np.deg2rad(float(shape.get("angle", 0.0)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    anchor = np.array([float(shape.get("left", 0.0)), float(shape.get("top", 0.0))])
    centre = anchor - turn @ ((share - 0.5) * (high - low) * size)
    placed: Points = ((points - (low + high) / 2) * flip * size) @ turn.T + centre
    return placed


def _fill(mask: Mask, points: Points, label: int) -> None:
    """Fill a polygon: the pixels it covers by half. cv2 fills all that an edge touches, hence 4x."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int), mask.shape[::-1])
    if (high <= low).any():
        return
    width, height = (high - low).tolist()
    fine = np.zeros((4 * height, 4 * width), np.uint8)
    cv2.fillPoly(fine, [_fixed((points - low) * 4)], 255, cv2.LINE_8, _SHIFT)
    covered = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA) > 127
    mask[low[1] : high[1], low[0] : high[0]][covered] = label


def _brush(mask: Mask, points: Points, radius: float, label: int) -> None:
    """Sweep a disk along points."""
    radius = max(radius - 0.5, 0.5)  # cv2 paints the pixels that an edge touches
    one = 1 << _SHIFT
    for centre in _fixed(points):
        cv2.circle(mask, tuple(int(v) for v in centre), round(radius * one), label, -1, cv2.LINE_8, _SHIFT)
    for start, end in itertools.pairwise(points):
        along = end - start
        length = float(np.hypot(*along))
        if length:
            side = np.array([-along[1], along[0]]) / length * radius
            corners = np.array([start + side, end + side, end - side, start - side])
            cv2.fillConvexPoly(mask, _fixed(corners), label, cv2.LINE_8, _SHIFT)


def _fixed(points: Points) -> NDArray[np.int32]:
    """Return canvas points as cv2's fixed-point pixel centres."""
    return np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
