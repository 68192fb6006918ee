"""What the sample clip is drawn with: smooth outlines, coverage, noise, layers.

Lengths are "points", 1/480 of the frame's height, y down; `scale` is pixels a point. Colours are
0..1 RGB; a layer is float32 (H, W, 4), its colours multiplied by its coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Points = Sequence[tuple[float, float]]
Box = tuple[slice, slice]  # rows and columns of a part of the frame
HAZE = (0.13, 0.45, 0.56)  # what distance turns everything into
_FINE = 3  # shapes are drawn this much larger, then averaged down


def smooth(points: Points, samples: int = 16) -> NDArray[np.float64]:
    """Return a closed Catmull-Rom curve (N, 2) through the points."""
    p1 = np.array(points, float)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.arange(samples)[None, :, None] / samples
    a, b, c, d = (
        p[:, None] for p in (2 * p1, p2 - p0, 2 * p0 - 5 * p1 + 4 * p2 - p3, 3 * (p1 - p2) + p3 - p0)
    )
    return np.asarray((a + b * t + c * t**2 + d * t**3) / 2, np.float64).reshape(-1, 2)


def fill(
    outline: ArrayLike, origin_xy: tuple[float, float], scale: float, size_hw: tuple[int, int]
) -> Floats:
    """Return the coverage (H, W), 0..1, of a polygon (N, 2); `origin_xy` is the top left corner's point."""
    fine = (np.asarray(outline) - origin_xy) * scale * _FINE
    canvas = np.zeros((size_hw[0] * _FINE, size_hw[1] * _FINE), np.uint8)
    cv2.fillPoly(canvas, [np.rint(fine * 16).astype(np.int32)], 255, shift=4)
    return np.asarray(
        cv2.resize(canvas / np.float32(255), size_hw[::-1], interpolation=cv2.INTER_AREA), np.float32
    )


def noise(rng: np.random.Generator, size_hw: tuple[int, int], cells: float, octaves: int = 5) -> Floats:
    """Return fractal noise (H, W), 0..1, with `cells` bumps along the height in its coarsest octave."""
    height, width = size_hw
    total = np.zeros(size_hw, np.float32)
    for octave in range(octaves):
        rows = max(2, round(cells * 2**octave))
        grid = rng.random((rows, max(2, round(rows * width / height))), np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = total.min(), total.max()
    return np.asarray((total - low) / (high - low), np.float32)


def mix(a: ArrayLike, b: ArrayLike, share: ArrayLike) -> Floats:
    """Return (1 - share) a + share b, where share may lack the colour axis."""
    share = np.asarray(share, np.float32)
    share = share[..., None] if share.ndim == 2 else share
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return np.asarray(a + (b - a) * share, np.float32)


def layer(rgb: ArrayLike, cover: Floats) -> Floats:
    """Return a layer (H, W, 4) of a colour or picture and its coverage."""
    return np.dstack([np.asarray(rgb, np.float32) * cover[..., None], cover])


def over(below: Floats, above: Floats) -> Floats:
    """Lay one layer over another (Porter and Duff, 1984)."""
    return np.asarray(above + below * (1 - above[..., 3:]), np.float32)


def edge(distance: ArrayLike, width: float) -> Floats:
    """Return 1 where the distance is below 0, 0 above, with a ramp of this width between."""
    return np.asarray((0.5 - np.asarray(distance, np.float32) / width).clip(0, 1), np.float32)


def dome(cover: Floats) -> tuple[Floats, Floats]:
    """Return the light on a shape as if it were puffed up, and its gloss; both (H, W) about 0..1."""
    inside = np.asarray(cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 5), np.float32)
    reach = inside.max() * 0.9
    height = np.sqrt((1 - (1 - (inside / reach).clip(0, 1)) ** 2).clip(0)) * reach
    height = cv2.GaussianBlur(height, (0, 0), reach / 9)
    dx = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    length = np.sqrt(dx * dx + dy * dy + 1)
    facing = (0.22 * dx + 0.78 * dy + 0.58) / length
    return np.asarray(facing.clip(0), np.float32), np.asarray(facing.clip(0) ** 12, np.float32)


def lay(picture: Floats, box: Box, above: Floats) -> None:
    """Lay a layer over a part of an opaque picture (H, W, 3), in place."""
    rest = 1 - above[..., 3]
    part = cv2.multiply(picture[box], cv2.merge([rest, rest, rest]))
    picture[box] = cv2.add(part, cv2.cvtColor(above, cv2.COLOR_RGBA2RGB))


def pick(picture: Floats, x: Floats, y: Floats) -> Floats:
    """Return the picture's values at these places; outside of it those of its edge.

    OpenCV 5.0 was seen to give NaN around pictures of four float channels: nothing outside is asked for.
    """
    height, width = picture.shape[:2]
    map_x, map_y = (x - 0.5).clip(0, width - 1), (y - 0.5).clip(0, height - 1)
    return np.asarray(
        cv2.remap(picture, map_x.astype("f4"), map_y.astype("f4"), cv2.INTER_LINEAR), np.float32
    )


def sine(time_s: float, period_s: float, start: float = 0.0) -> float:
    """Return a swing of -1..1 that is `start` periods ahead."""
    return math.sin(2 * math.pi * (time_s / period_s + start))


class Camera:
    """Where points of a layer come to lie in the frame: pan, zoom and roll, less for what is far."""

    def __init__(self, time_s: float, size_hw: tuple[int, int]):
        self.pan = (48 * sine(time_s, 8, -0.2), 9 * sine(time_s, 5))
        self.zoom = 1.06 + 0.04 * sine(time_s, 6.3, -0.2)
        self.roll = math.radians(1.7 * sine(time_s, 4.7, 0.1))
        self.scale = size_hw[0] / 480
        self.size_hw = size_hw

    def matrix(self, near: float) -> Floats:
        """Return the map (2, 3) from points to pixels of a layer; `near` is 0 far away, 1 at the fish."""
        k = self.scale * self.zoom**near
        cos, sin = k * math.cos(self.roll), k * math.sin(self.roll)
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = (self.size_hw[1] / 2, self.size_hw[0] / 2) - turn @ np.multiply(self.pan, near)
        return np.column_stack([turn, shift]).astype(np.float32)

    def points(self, box: Box, near: float, step: int = 1) -> tuple[Floats, Floats]:
        """Return x and y, in points of a layer, of every `step`-th pixel of a part of the frame."""
        back = cv2.invertAffineTransform(self.matrix(near))
        rows, columns = (np.arange(s.start + step / 2, s.stop, step, dtype=np.float32) for s in box)
        x = back[0, 0] * columns + back[0, 1] * rows[:, None] + back[0, 2]
        return x, back[1, 0] * columns + back[1, 1] * rows[:, None] + back[1, 2]

    def part(self, corners_xy: ArrayLike) -> Box:
        """Return the part of the frame between pixels; at least one of it, even if they are outside."""
        low, high = np.min(corners_xy, 0), np.max(corners_xy, 0)
        spans = []
        for first, last, length in zip(low[::-1], high[::-1], self.size_hw, strict=True):
            start = min(max(int(first), 0), length - 1)
            spans.append(slice(start, max(min(int(last) + 2, length), start + 1)))
        return spans[0], spans[1]
