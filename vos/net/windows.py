"""Windows: rectangles of places, 16 pixels each, that are looked at instead of a whole map."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vos.net.models.blocks import STRIDE
from vos.net.models.memory import Cues

SIDE = 4  # places: sides of windows are multiples


@dataclass(frozen=True)
class Window:
    """Rows and columns of places, first and one past the last, of a map (h, w) at stride 16."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    size_hw: tuple[int, int]

    def wider(self, places: int, multiple: int = SIDE) -> Window:
        """Return the window with so many places around it, where the map has them.

        Its sides become multiples of a number: a CPU keeps compiled kernels for every size that it meets.
        """
        rows, columns = (
            _wider(first - places, end + places, side, multiple)
            for (first, end), side in zip((self.rows, self.columns), self.size_hw, strict=True)
        )
        return Window(rows, columns, self.size_hw)

    @property
    def area(self) -> int:
        """How many places it has."""
        return (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])

    def slices(self, stride: int) -> tuple[slice, slice]:
        """Return what are its rows and columns in maps at a stride."""
        (top, bottom), (left, right) = self.rows, self.columns
        k = STRIDE // stride
        return slice(top * k, bottom * k), slice(left * k, right * k)

    def of(self, maps: Tensor, stride: int) -> Tensor:
        """Return its part of maps (..., H/stride, W/stride)."""
        return maps[(..., *self.slices(stride))]

    def places(self, rows: Tensor) -> Tensor:
        """Return its part of what is known of all places, (N, C): (n, C)."""
        return rows.view(*self.size_hw, -1)[self.slices(STRIDE)].flatten(0, 1)

    def cues(self, cues: Cues) -> Cues:
        """Return its part of a mask's cues."""
        return Cues(self.of(cues.s4, 4), self.of(cues.s8, 8), self.of(cues.s16, 16), self.of(cues.code, 16))

    def within(self, other: Window) -> Window:
        """Return the same window of what is another's part of a map."""
        (top, bottom), (left, right) = other.rows, other.columns
        rows, columns = (
            (self.rows[0] - top, self.rows[1] - top),
            (self.columns[0] - left, self.columns[1] - left),
        )
        return Window(rows, columns, (bottom - top, right - left))


def _wider(first: int, end: int, side: int, multiple: int) -> tuple[int, int]:
    """Return an interval within 0 and `side` around the part of another that is there."""
    first, end = max(0, first), min(end, side)
    length = min(-(-(end - first) // multiple) * multiple, side)
    first = max(0, min(first - (length - (end - first)) // 2, side - length))
    return first, first + length


def enclose(places: NDArray[np.bool_]) -> Window:
    """Return the smallest window around true places (h, w); the first place if there is none."""
    hits = [np.flatnonzero(places.any(axis)) for axis in (1, 0)]
    rows, columns = ((int(hit[0]), int(hit[-1]) + 1) if len(hit) else (0, 1) for hit in hits)
    return Window(rows, columns, (places.shape[0], places.shape[1]))


def enclose_groups(places: NDArray[np.bool_], margin: int) -> list[Window]:
    """Return windows around true places (h, w), wider by a margin: one of each group, if that is less to see.

    Places are of one group if their margins touch.
    """
    side = 2 * margin + 1
    grown = cv2.dilate(places.view(np.uint8), np.ones((side, side), np.uint8))
    count, group = cv2.connectedComponents(grown)
    whole = enclose(places).wider(margin)
    groups = [enclose(places & (group == n)).wider(margin) for n in range(1, count)]
    return groups if groups and sum(window.area for window in groups) < whole.area else [whole]
