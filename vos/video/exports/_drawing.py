"""Objects drawn over a frame as a user wants them: tint, outline, colours, names."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.options import check
from vos.types import Frame
from vos.video.draw import colour_table, overlay
from vos.video.exportable import Exportable, Shot
from vos.video.exports._fields import read_colours


@dataclass(frozen=True, kw_only=True)
class DrawingOptions:
    """What a user may choose of how objects are drawn; exports that draw them add their own."""

    opacity: float = field(default=0.5, metadata={"help": "Of the tint over objects", "min": 0.0, "max": 1.0})
    outline: bool = field(default=True, metadata={"help": "Draw a line along the inside of every object"})
    labels: bool = field(default=False, metadata={"help": "Write every object's name above it"})
    colours: str = field(
        default="", metadata={"help": "Colours of objects, as 1=#ff0000,2=#00ff00; empty: as shown"}
    )

    def __post_init__(self) -> None:
        check(self)
        read_colours(self.colours)


class Drawing:
    """Draws a frame's objects over it."""

    def __init__(self, source: Exportable, options: DrawingOptions) -> None:
        self._options = options
        self._colours = colour_table(read_colours(options.colours))
        self._tracks = source.tracks
        self._signs: dict[int, NDArray[np.uint8]] = {}
        if options.labels:
            size = max(12, round(min(source.size_hw) / 28))
            self._signs = {i: _sign(name, self._colours[i, 0], size) for i, name in source.names.items()}

    def __call__(self, shot: Shot) -> Frame:
        """Return the frame with its objects drawn; the shot is not changed."""
        options = self._options
        drawn = overlay(
            shot.frame, shot.mask, opacity=options.opacity, outline=options.outline, colours=self._colours
        )
        for track in self._tracks:
            if track.object_id in self._signs and track.visible[shot.index]:
                top, left = track.column("top")[shot.index], track.column("left")[shot.index]
                _put(drawn, self._signs[track.object_id], int(top), int(left))
        return drawn


def _sign(text: str, rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return a name as a small picture (h, w, 3): black or white on the object's colour."""
    font = cv2.FontFace("uni")  # OpenCV brings it along; it has Greek, Cyrillic, Chinese, Japanese, Korean
    left, top, width, height = cv2.getTextSize((1 << 14, size), text, (0, size), font, size)
    pad = max(2, size // 5)
    red, green, blue = rgb.tolist()
    ink = (255, 255, 255) if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else (0, 0, 0)
    sign = np.empty((height + 2 * pad, width + 2 * pad, 3), np.uint8)
    sign[:] = rgb
    cv2.putText(sign, text, (pad - left, pad + size - top), ink, font, size)
    return sign


def _put(frame: Frame, sign: NDArray[np.uint8], top: int, left: int) -> None:
    """Draw a sign above a box's upper left corner, moved and cut so that it stays in the frame."""
    height, width = frame.shape[:2]
    sign = sign[:height, :width]
    y = max(0, top - sign.shape[0])
    x = max(0, min(left, width - sign.shape[1]))
    frame[y : y + sign.shape[0], x : x + sign.shape[1]] = sign
