"""Where every object is on every frame: from masks to track tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.types import VOID, Mask

COLUMNS = ("centre_y", "centre_x", "top", "left", "bottom", "right", "area")


@dataclass(frozen=True, eq=False)
class Track:
    """One object's way: a float64 table (frames, 7), its columns as in COLUMNS, all in pixels.

    The centre is the mean of the mask's pixel coordinates; top, left, bottom and right are its
    first and last row and column. Where the object is not visible all are NaN and the area is 0.
    A table read from TXT does not know areas: NaN.
    """

    object_id: int
    table: NDArray[np.float64]
    name: str = ""

    def __post_init__(self) -> None:
        assert self.table.shape[1:] == (len(COLUMNS),), self.table.shape

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one of COLUMNS, a value for each frame."""
        return self.table[:, COLUMNS.index(name)]

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Whether the object is visible, for each frame."""
        return ~np.isnan(self.table[:, 0])

    @property
    def visible_share(self) -> float:
        """The share of frames on which the object is visible, 0..1."""
        return float(self.visible.mean()) if len(self.table) else 0.0

    def speed_px_s(self, times_s: Sequence[float]) -> NDArray[np.float64]:
        """The centre's way since the frame before over the time between them; NaN without both."""
        steps_s: NDArray[np.float64] = np.diff(np.asarray(times_s, np.float64), prepend=math.nan)
        return self.speed / steps_s

    @property
    def speed(self) -> NDArray[np.float64]:
        """The centre's way since the frame before in pixels; NaN without both. x fps: pixels a second."""
        steps = np.linalg.norm(np.diff(self.table[:, :2], axis=0), axis=1)
        return np.concatenate([[math.nan], steps])[: len(self.table)]


class TrackBuilder:
    """Collects the tracks from the masks of a clip, one `add` a frame; it keeps numbers, not masks."""

    def __init__(self) -> None:
        self._frames = 0
        self._rows: dict[int, list[tuple[int, tuple[float, ...]]]] = {}

    def add(self, mask: Mask) -> None:
        """Take the label map (H, W) of the next frame."""
        for object_id, row in _measure(mask):
            self._rows.setdefault(object_id, []).append((self._frames, row))
        self._frames += 1

    def tracks(
        self, objects: Iterable[int] = (), names: Mapping[int, str] | None = None
    ) -> tuple[Track, ...]:
        """Return the tracks by object id, of those seen and of `objects`, which may never have been."""
        ids = sorted({*self._rows, *objects})
        return tuple(track_of(i, (names or {}).get(i, ""), self._rows.get(i, []), self._frames) for i in ids)


def _measure(mask: Mask) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Yield every object of a label map with its row of a track table.

    Sums over rows and over columns hold all of it, at a tenth of the time of a histogram or moments.
    """
    left, top, width, height = cv2.boundingRect(mask)
    rest = mask[top : top + height, left : left + width].copy()
    while rest.size and (object_id := int(rest.max())):
        alone = np.equal(rest, object_id).view(np.uint8)
        rest -= alone * np.uint8(object_id)
        if object_id == VOID:
            continue
        rows = np.asarray(cv2.reduce(alone, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S), np.float64).ravel()
        columns = np.asarray(cv2.reduce(alone, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S), np.float64).ravel()
        ys, xs, area = np.flatnonzero(rows), np.flatnonzero(columns), float(rows.sum())
        y, x = float(rows @ np.arange(height)) / area, float(columns @ np.arange(width)) / area
        box = (top + ys[0], left + xs[0], top + ys[-1], left + xs[-1])
        yield object_id, (top + y, left + x, *box, area)


def track_of(object_id: int, name: str, rows: Sequence[tuple[int, tuple[float, ...]]], frames: int) -> Track:
    """Return an object's track in so many frames, from pairs of a frame and its values as in COLUMNS."""
    table = np.full((frames, len(COLUMNS)), math.nan)
    table[:, -1] = 0
    for frame, row in rows:
        table[frame] = row
    return Track(object_id, table, name)
