"""A decoded picture, turned into an upright RGB frame only when someone looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from vos.types import Frame

TICKS = 90_000  # a second, of the clock that every pts counts in
_KNOWN_MATRICES = (1, 4, 5, 6, 7, 9)  # AVColorSpace values that swscale converts by itself


@dataclass(frozen=True, eq=False)
class Picture:
    """One frame of a clip: its number, its time and duration in 1/90000 s, and how to get its pixels."""

    index: int
    pts: int
    duration: int
    frame: Callable[[], Frame]


@dataclass(frozen=True)
class Geometry:
    """How the coded pictures of a file lie in the upright frame.

    Pixels become square: the narrow side is stretched, so that no pixel is lost. `turn` is the
    display matrix (a, b, c, d) in signs: (x, y) goes to (a x + c y, b x + d y).
    """

    coded_wh: tuple[int, int]
    square_wh: tuple[int, int]
    turn: tuple[int, int, int, int]

    @classmethod
    def of(cls, picture: av.VideoFrame, aspect: Fraction | None) -> Geometry:
        """Read the geometry off a file's first picture and its pixel aspect ratio."""
        coded_wh = picture.width, picture.height
        return cls(coded_wh, square_pixels(*coded_wh, aspect), _display_matrix(picture))

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the upright frame."""
        width, height = self.square_wh
        return (height, width) if self.turn[0] else (width, height)

    def apply(self, frame: Frame) -> Frame:
        """Turn (and mirror) a frame of `square_wh` upright."""
        a, b, c, d = self.turn
        if not a:
            frame, a, d = frame.transpose(1, 0, 2), c, b
        return np.ascontiguousarray(frame[::d, ::a])


class Upright:
    """Turns decoded pictures into uint8 (H, W, 3) RGB as a player shows them.

    Full and limited range and the colour matrix are honoured; a file that names no matrix is taken
    as BT.709 from 720 lines and as BT.601 below, as browsers do. Transparency is laid over black.
    A picture of another size is scaled to the first one's.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._rgb = VideoReformatter()

    def __call__(self, picture: av.VideoFrame) -> Frame:
        """Return the picture as an upright frame of its own memory."""
        alpha = any(part.is_alpha for part in picture.format.components)
        width, height = self._geometry.square_wh
        rgb = self._rgb.reformat(
            picture,
            width=width,
            height=height,
            format="rgba" if alpha else "rgb24",
            src_colorspace=_unnamed_matrix(picture),
            threads=1,  # starting threads for every frame costs more than they save
        )
        pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        return self._geometry.apply(over_black(pixels) if alpha else pixels)


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size in square pixels; an aspect outside 1/4..4 is taken for a mistake."""
    if not aspect or not Fraction(1, 4) <= aspect <= 4:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def over_black(rgba: Frame) -> Frame:
    """Lay uint8 (H, W, 4) over black."""
    colour = rgba[..., :3].astype(np.uint16)
    return ((colour * rgba[..., 3:] + 127) // 255).astype(np.uint8)


def _unnamed_matrix(picture: av.VideoFrame) -> Colorspace | None:
    if picture.colorspace in _KNOWN_MATRICES or picture.format.is_rgb:
        return None
    return Colorspace.ITU709 if picture.height >= 720 else Colorspace.ITU601


def _display_matrix(picture: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return the display matrix as the nearest of the eight that keep rows and columns straight."""
    data = picture.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, c, d = np.frombuffer(cast(bytes, data), np.int32)[[0, 1, 3, 4]].astype(np.int64)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1), 0, 0, (-1 if d < 0 else 1)
    return 0, (-1 if b < 0 else 1), (-1 if c < 0 else 1), 0
