"""Masks as people see them: a colour for each object, laid over a frame or on its own."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import VOID, Frame, Mask

# The first by eye, every other as far as can be from those before it to any kind of colour blindness.
_FIRST = (
    *("ff2e88", "12b5ff", "ffc400", "751aff", "1affa3", "9c4c16", "c6ff70", "81169c", "7070ff", "9c9c16"),
    *("ff7070", "ed82c2", "9c1631", "0024b2", "ff4ddb", "9c1667", "169c4c", "82edc2", "ff1a47", "ffa970"),
)


def _colours() -> NDArray[np.uint8]:
    rows = [(0, 0, 0), *(tuple(bytes.fromhex(code)) for code in _FIRST)]
    for k in range(len(rows), VOID):  # hues by the golden angle, in four lightnesses
        rgb = colorsys.hls_to_rgb(k * 0.618034 % 1, (0.5, 0.68, 0.4, 0.6)[k % 4], 0.85)
        rows.append(tuple(round(255 * c) for c in rgb))
    return np.array(rows, np.uint8)


COLOURS = _colours()  # (255, 3) RGB by object id; row 0 is the background's black
_GREY = (128, 128, 128)  # void
_NIGHT = (18, 20, 26)  # behind a mask on its own
_OVER = np.vstack([COLOURS, [_GREY]]).astype(np.uint8)[:, None]  # (256, 1, 3), a cv2 colour map
_ALONE = np.vstack([[_NIGHT], COLOURS[1:], [_GREY]]).astype(np.uint8)[:, None]


def hex_colour(object_id: int) -> str:
    """Return the colour of an object, 0..254, as #rrggbb."""
    red, green, blue = COLOURS[object_id].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _tint(mask: Mask, table: NDArray[np.uint8]) -> Frame:
    return np.asarray(cv2.applyColorMap(mask, table), np.uint8)  # five times as fast as table[mask]


def mask_preview(mask: Mask) -> Frame:
    """Return a label map (H, W) in colours on near-black; void is grey."""
    return _tint(mask, _ALONE)


def heat_map(frame: Frame, heat: NDArray[np.float32]) -> Frame:
    """Return a frame (H, W, 3) under its heat (h, w), 0..1: greyed, from dark blue to yellow."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, 2)
    size_wh = frame.shape[1], frame.shape[0]
    levels = (np.clip(cv2.resize(heat, size_wh), 0, 1) * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_PLASMA)[..., ::-1]
    return np.asarray(cv2.addWeighted(grey, 0.45, colours, 0.55, 0), np.uint8)


def colour_table(colours: Mapping[int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Return the colours of objects, (256, 1, 3) RGB by id, with some of them changed."""
    table = _OVER.copy()
    for object_id, rgb in colours.items():
        table[object_id, 0] = rgb
    return table


def overlay(
    frame: Frame,
    mask: Mask,
    *,
    opacity: float = 0.5,
    outline: bool = True,
    colours: NDArray[np.uint8] = _OVER,
) -> Frame:
    """Return a copy of the frame with its objects tinted and outlined.

    Args:
        frame: (H, W, 3) RGB; it is not changed.
        mask: label map (H, W); void is tinted grey.
        opacity: of the tint, 0 (outline alone) to 1.
        outline: draw the inner border of every object in its full colour, about 2 px at 480p.
        colours: by object id, as `colour_table` makes them.
    """
    out = frame.copy()
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return out
    box = np.s_[top : top + height, left : left + width]
    labels, part = mask[box], out[box]
    tint = _tint(labels, colours)
    cv2.copyTo(cv2.addWeighted(part, 1 - opacity, tint, opacity, 0), labels, part)
    if outline:
        size = 1 + 2 * max(1, round(min(mask.shape) / 300))
        inside = cv2.erode(labels, np.ones((size, size)), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
        cv2.copyTo(tint, cv2.compare(labels, inside, cv2.CMP_NE), part)
    return out
