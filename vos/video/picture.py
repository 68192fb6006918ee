"""A decoded picture, turned into an upright RGB frame only when someone looks at it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from vos.types import Frame
from vos.video.colour import ColourSpace, Mapper

TICKS = 90_000  # a second, of the clock that every pts counts in
_KNOWN_MATRICES = (1, 4, 5, 6, 7, 9)  # AVColorSpace values that swscale converts by itself


@dataclass(frozen=True, eq=False)
class LazyFrame:
    """One frame of a clip whose pixels are made when they are asked for.

    `pts` and `duration` count 1/90000 s. `draw` takes the longest side wanted, or None for the
    frame's own size, and returns the frame. `size_bytes` is what holding it costs.
    """

    index: int
    pts: int
    duration: int
    size_bytes: int
    draw: Callable[[int | None], Frame]


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
    """Turns decoded pictures into uint8 (H, W, 3) RGB as a player shows them; several threads may share it.

    Full and limited range and the colour matrix are honoured; a file that names no matrix is taken
    as BT.709 from 720 lines and as BT.601 below, as browsers do. HDR and wide colours become BT.709.
    Transparency is laid over black. A picture of another size is scaled to the first one's.
    """

    def __init__(self, geometry: Geometry, space: ColourSpace) -> None:
        self._geometry = geometry
        self._space = space
        self._spare: list[_Converter] = []

    def __call__(self, picture: av.VideoFrame, max_side: int | None = None) -> Frame:
        """Return the picture as an upright frame of its own memory, at most `max_side` long."""
        try:
            converter = self._spare.pop()
        except IndexError:
            converter = _Converter(self._space)
        size_wh = self._geometry.square_wh
        pixels = converter(picture, fitting(size_wh, max_side) if max_side else size_wh)
        self._spare.append(converter)
        return self._geometry.apply(pixels)


class _Converter:
    """Conversion to RGB with what FFmpeg keeps for it from picture to picture."""

    def __init__(self, space: ColourSpace) -> None:
        self._space = space
        self._to_rgb, self._to_eight_bits = VideoReformatter(), VideoReformatter()
        self._mapper: tuple[tuple[int, int, str], Mapper] | None = None

    def __call__(self, picture: av.VideoFrame, size_wh: tuple[int, int]) -> Frame:
        alpha = any(part.is_alpha for part in picture.format.components)
        plain = "rgba" if alpha else "rgb24"
        deep = "rgba64le" if alpha else "rgb48le"
        rgb = self._to_rgb.reformat(
            picture,
            *size_wh,
            format=deep if self._space.is_mapped else plain,
            src_colorspace=_unnamed_matrix(picture),
            threads=1,  # starting threads for every frame costs more than they save
        )
        if self._space.is_mapped:
            rgb = self._to_eight_bits.reformat(self._map(rgb), format=plain, threads=1)
        pixels = rgb.to_ndarray().astype(np.uint8, copy=False)
        return lay_over_black(pixels) if alpha else pixels

    def _map(self, rgb: av.VideoFrame) -> av.VideoFrame:
        kind = rgb.width, rgb.height, rgb.format.name
        if self._mapper is None or self._mapper[0] != kind:
            self._mapper = kind, Mapper(self._space, rgb)
        return self._mapper[1](rgb)


def fitting(size_wh: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Return a size whose longer side is at most `max_side`, of the same shape."""
    scale = min(1.0, max_side / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return the size in square pixels; an aspect outside 1/4..4 is taken for a mistake."""
    if not aspect or not Fraction(1, 4) <= aspect <= 4:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def lay_over_black(rgba: Frame) -> Frame:
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


def checksum(picture: av.VideoFrame) -> int:
    """Return a checksum of every fourth row of the first plane; a badly decoded block covers one."""
    plane = picture.planes[0]
    if plane.line_size <= 0:  # stored bottom up: no buffer to be had, and no codec that could slip
        return 0
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return zlib.crc32(rows[: picture.height : 4, : picture.width].tobytes())


def held_bytes(picture: av.VideoFrame) -> int:
    """Return how much memory a decoded picture takes."""
    return sum(abs(plane.line_size) * plane.height for plane in picture.planes)
