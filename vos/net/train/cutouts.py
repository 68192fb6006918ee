"""Cut-outs: an object taken out of its picture, with soft edges, ready to be pasted elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.net.train.data import Data, PictureFile, pick
from vos.types import Frame, object_ids

SMALLEST_PX = 60
LARGEST_SHARE = 0.6
ATTEMPTS = 50


@dataclass(frozen=True, eq=False)
class Cutout:
    """An object: uint8 (h, w, 4), RGB times alpha, and alpha; and where its corner was, (x, y)."""

    rgba: NDArray[np.uint8]
    origin_xy: tuple[int, int] = (0, 0)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.rgba.shape[1], self.rgba.shape[0]


def cut(frame: Frame, inside: NDArray[np.bool_]) -> Cutout:
    """Cut the pixels (H, W) that are inside out of a frame; they must not be empty."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, left = max(int(rows[0]) - 2, 0), max(int(columns[0]) - 2, 0)
    window = np.s_[top : rows[-1] + 3, left : columns[-1] + 3]
    alpha = cv2.GaussianBlur(inside[window].astype(np.uint8) * 255, (3, 3), 0)
    colour = cv2.multiply(frame[window], cv2.merge([alpha] * 3), scale=1 / 255)
    return Cutout(np.dstack([colour, alpha]), (left, top))


def any_cutout(data: Data, rng: np.random.Generator) -> Cutout:
    """Return a random object: of a masked photo, a region, a shape full of texture, or of a video frame.

    Raises:
        InvalidInput: no picture tried has an object of a fitting size.
    """
    for _ in range(ATTEMPTS):
        kind = rng.choice(4, p=[0.35, 0.3, 0.15, 0.2])
        if kind == 0 and data.cutouts:
            found = cut_object(pick(data.cutouts, rng), rng)
        elif kind == 1 and data.regions:
            found = _region_of(pick(data.regions, rng), rng)
        elif kind == 2 and data.backgrounds:
            found = cut_loose_shape(pick(data.backgrounds, rng).read_frame(), rng)
        elif kind == 3 and data.videos:
            found = cut_object(pick(pick(tuple(data.videos.values()), rng), rng), rng)
        else:
            found = None
        if found is not None:
            return vary(found, rng)
    raise InvalidInput("the training data has no object of a size worth cutting out")


def cut_loose_shape(frame: Frame, rng: np.random.Generator, bars: float = 0.25) -> Cutout:
    """Cut a random blob, or in some cases a bar, out of a frame."""
    inside = np.zeros(frame.shape[:2], np.uint8)
    outline = (_bar if rng.random() < bars else _blob)(frame.shape[0], frame.shape[1], rng)
    cv2.fillPoly(inside, [outline.astype(np.int32)], 1)
    return cut(frame, inside > 0)


def _fits(inside: NDArray[np.bool_]) -> bool:
    return bool(SMALLEST_PX <= np.count_nonzero(inside) <= LARGEST_SHARE * inside.size)


def cut_object(picture: PictureFile, rng: np.random.Generator) -> Cutout | None:
    """Cut one of a picture's objects out; None if it has none of a fitting size."""
    mask = picture.read_mask()
    ids = object_ids(mask)
    inside = mask == rng.choice(ids) if ids else np.zeros(mask.shape, bool)
    return cut(picture.read_frame(), inside) if _fits(inside) else None


def _region_of(picture: PictureFile, rng: np.random.Generator) -> Cutout | None:
    """Cut out one region, or one with a neighbour: an object of two materials."""
    regions = picture.read_mask()
    ids = object_ids(regions)
    if not ids:
        return None
    inside = regions == rng.choice(ids)
    around = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    neighbours = object_ids(regions * (around & ~inside))
    if neighbours and rng.random() < 0.3:
        inside |= regions == rng.choice(neighbours)
    return cut(picture.read_frame(), inside) if _fits(inside) else None


def vary(cutout: Cutout, rng: np.random.Generator, much: float = 1.0) -> Cutout:
    """Flip at random, and change brightness, contrast and tint within the cut-out; `much` scales that."""
    rgba = cutout.rgba[:, ::-1] if rng.random() < 0.5 else cutout.rgba
    gain = 1 + much * rng.uniform(-0.3, 0.3)
    tint, offset = 1 + much * rng.uniform(-0.15, 0.15, 3), much * rng.uniform(-25, 25)
    alpha = rgba[..., 3:]
    colour = rgba[..., :3] * (gain * tint).astype(np.float32) + np.float32(offset / 255) * alpha
    return Cutout(np.dstack([np.clip(colour, 0, alpha).astype(np.uint8), alpha]), cutout.origin_xy)


def _blob(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return an outline (80, 2): a circle with low random harmonics."""
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    order = np.arange(1, 5)[:, None]
    waves = np.cos(order * angle + rng.uniform(0, 2 * np.pi, (4, 1))) * rng.normal(size=(4, 1)) * 0.35 / order
    radius = np.clip(1 + waves.sum(0), 0.2, 3)
    radius *= rng.uniform(0.12, 0.4) * min(height, width) / radius.max()
    centre = rng.uniform(0.25, 0.75, 2) * (width, height)
    outline = np.stack([np.cos(angle) * rng.uniform(0.5, 1.2), np.sin(angle)], 1) * radius[:, None]
    return np.asarray(centre + outline)


def _bar(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the four corners of a thin bar (4, 2), such as a pole or a branch."""
    half = 1 + rng.uniform(0.01, 0.06) * min(height, width), rng.uniform(0.25, 0.5) * max(height, width)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray((width / 2, height / 2) + corners @ turn.T)
