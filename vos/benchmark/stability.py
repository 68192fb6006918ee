"""T, temporal stability: how much the outline of an object jitters from frame to frame.

Perazzi et al., CVPR 2016, section 5: shape contexts (Belongie et al., PAMI 2002) of two consecutive
outlines are matched by dynamic time warping; T is the mean cost of the matched points.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput

TOLERANCE = 3  # the polygon's greatest distance from the outline, in half pixels
STEP_PX = 3  # the greatest distance between neighbouring points
RINGS, SECTORS = 5, 12  # radii 1/8, 1/4, 1/2, 1, 2 times the mean distance; 30 degrees each
SCALE = 5.0  # T is printed as five times the mean cost
GRAIN = 2.0**20  # costs are multiples of 1/GRAIN: equal shapes cost 0, sums are exact in any order

Context = NDArray[np.float32]  # (N, 60): for each point of an outline a histogram of sum 1


def outline_context(region: NDArray[np.bool_]) -> Context | None:
    """Describe the longest outline of a (H, W) region, or None if there is no outline.

    A speck whose polygon has fewer than three corners has none.

    Raises:
        InvalidInput: the region is not boolean (H, W).
    """
    if region.ndim != 2 or region.dtype != np.bool_:
        raise InvalidInput(f"a region is a boolean (H, W) array; got {region.dtype} of shape {region.shape}")
    corners = _longest_polygon(region)
    return None if corners is None else _shape_context(_resample(corners))


def instability(before: Context | None, after: Context | None) -> float:
    """T of two consecutive regions: 0 for the same shape; NaN where either has no outline.

    The first match runs from both outlines' first points; its cheapest pair then becomes the
    common end of both outlines, and the match is run again.
    """
    if before is None or after is None:
        return math.nan
    cost = _cost(before, after)
    path = _warp(cost)
    root = path[np.argmin(cost[path[:, 0], path[:, 1]])] + 1
    path = (_warp(np.roll(cost, -root, axis=(0, 1))) + root) % cost.shape
    return SCALE * _one_to_one(path, cost)


def _longest_polygon(region: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """(K, 2) corners x, y of the polygon with the most corners, outer or hole, or None.

    Outlines run along the edges between pixels. Pixels that only touch at a corner are apart, so
    each 4-connected part is traced by itself, the largest first: n pixels have at most 2n + 2 edges.
    """
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(region.view(np.uint8), connectivity=4)
    best = None
    for part in np.argsort(-boxes[1:, cv2.CC_STAT_AREA], kind="stable") + 1:
        left, top, width, height, area = boxes[part]
        if 2 * area + 2 <= (2 if best is None else len(best)):
            break
        inside = labels[top : top + height, left : left + width] == part
        for corners in _polygons(inside.view(np.uint8)):
            if len(corners) > (2 if best is None else len(best)):
                best = corners + np.array([left, top])
    return best


def _polygons(part: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
    """Polygons around a 0/1 picture and its holes, traced on a grid of half pixels."""
    height, width = part.shape
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.uint8)
    grid[1::2, 1::2] = part
    grid = cv2.dilate(grid, np.ones((3, 3), np.uint8))
    traced, _ = cv2.findContours(grid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [cv2.approxPolyDP(line, TOLERANCE, True)[:, 0] / 2 for line in traced]


def _resample(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) points of a closed polygon: its corners and as many between as STEP_PX asks for."""
    edges = np.roll(corners, -1, axis=0) - corners
    parts = np.ceil(np.hypot(*edges.T) / STEP_PX).astype(int)
    which = np.repeat(np.arange(len(corners)), parts)
    share = (np.arange(parts.sum()) - np.repeat(parts.cumsum() - parts, parts)) / parts[which]
    points: NDArray[np.float64] = corners[which] + edges[which] * share[:, None]
    return points


def _shape_context(points: NDArray[np.float64]) -> Context:
    """Where the other points lie, seen from each point (itself counts): RINGS x SECTORS, sum 1."""
    x, y = points.T
    dx, dy = x[None, :] - x[:, None], y[None, :] - y[:, None]  # (N, N)
    distance = np.sqrt(dx * dx + dy * dy)
    octave = np.frexp(np.maximum(distance / distance.mean(), 2.0**-9))[1]  # 1: one to two means
    ring = np.maximum(octave, 2 - RINGS) + (RINGS - 2)
    # The little more keeps directions that are a multiple of 30 degrees from rounding down.
    sector = np.floor(np.arctan2(dy, dx) * (SECTORS / (2 * np.pi)) + 1e-9).astype(int)
    sector[sector < 0] += SECTORS
    bins = (np.arange(len(points))[:, None] * RINGS + ring) * SECTORS + sector
    count = np.bincount(bins[ring < RINGS], minlength=len(points) * RINGS * SECTORS)
    histograms = count.reshape(len(points), -1).astype(np.float32)
    context: Context = histograms / histograms.sum(axis=1, keepdims=True)
    return context


def _cost(a: Context, b: Context) -> NDArray[np.float64]:
    """Chi-squared distance of all pairs, (N, M), 0..1: half the sum of (a-b)^2/(a+b).

    For histograms of sum 1 that is 1 - 2 sum ab/(a+b), where only the bins count that neither
    leaves empty; a point fills less than half of its bins.
    """
    with np.errstate(divide="ignore"):
        inverse = 1 / b.T
    shared = np.empty((len(a), len(b)), np.float32)
    for row, out in zip(a, shared, strict=True):
        filled = np.flatnonzero(row)
        harmonic = inverse[filled]
        harmonic += 1 / row[filled, None]
        np.reciprocal(harmonic, out=harmonic).sum(axis=0, out=out)
    cost: NDArray[np.float64] = np.round((1 - 2 * shared.astype(np.float64)) * GRAIN) / GRAIN + 0.0
    return cost


def _warp(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cheapest path from (0, 0) to the far corner by steps right, down or both: (K, 2) pairs, in order.

    A row of the table of sums, total[j] = cost[j] + min(above[j], above[j-1], total[j-1]), is one
    running minimum once the running sum of the row's costs is taken off.
    """
    running = np.cumsum(cost, axis=1)
    total = running.copy()
    for i in range(1, len(cost)):
        enter = total[i - 1].copy()
        np.minimum(enter[1:], total[i - 1, :-1], out=enter[1:])
        enter[1:] -= running[i, :-1]
        np.add(np.minimum.accumulate(enter), running[i], out=total[i])
    return _backtrack(total)


def _backtrack(total: NDArray[np.float64]) -> NDArray[np.int64]:
    """Walk the table of sums back from its far corner; of equal sums the diagonal step is taken."""
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = [(i, j)]
    while i or j:
        steps = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        i, j = min((s for s in steps if min(s) >= 0), key=total.item)
        path.append((i, j))
    return np.array(path[::-1])


def _one_to_one(path: NDArray[np.int64], cost: NDArray[np.float64]) -> float:
    """Mean cost where each point keeps its cheapest partner: the first outline's, then the second's."""
    for side in (0, 1):
        order = np.argsort(cost[path[:, 0], path[:, 1]], kind="stable")
        path = path[order][np.unique(path[order, side], return_index=True)[1]]
    return float(cost[path[:, 0], path[:, 1]].mean())
