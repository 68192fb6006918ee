"""Attention as a picture: a few frames spread over a clip, with a heat map each, on one sheet."""

from __future__ import annotations

import cv2
import numpy as np

from vos.propagate import MaskedFrame
from vos.types import Frame
from vos.video.draw import heat_map
from vos.video.write import thumbnail

MOST = 6  # frames on a sheet
COLUMNS = 3
WIDTH = 426  # of one, in pixels
GAP = 4


class Sheet:
    """Keeps small pictures of at most six frames, whatever the clip's length; `jpeg` lays them out."""

    def __init__(self, frames: int) -> None:
        self._wanted = {int((i + 0.5) * frames / MOST) for i in range(MOST)}
        self._cells: list[Frame] = []

    def add(self, item: MaskedFrame) -> None:
        """Take a frame in, if it is one of those wanted and has attention."""
        if item.prediction.attention is None or item.index not in self._wanted:
            return
        height = max(1, round(WIDTH * item.frame.shape[0] / item.frame.shape[1]))
        small = np.asarray(cv2.resize(item.frame, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
        cell = heat_map(small, item.prediction.attention)
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            _write(cell, f"frame {item.index}", colour, thickness)
        self._cells.append(cell)

    def jpeg(self) -> bytes | None:
        """Return the sheet, frames in order in rows of three; None without any attention."""
        if not self._cells:
            return None
        height, columns = self._cells[0].shape[0], min(COLUMNS, len(self._cells))
        rows = -(-len(self._cells) // columns)
        size_hw = rows * (height + GAP) - GAP, columns * (WIDTH + GAP) - GAP
        sheet = np.full((*size_hw, 3), 255, np.uint8)
        for n, cell in enumerate(self._cells):
            top, left = n // columns * (height + GAP), n % columns * (WIDTH + GAP)
            sheet[top : top + height, left : left + WIDTH] = cell
        return thumbnail(sheet, max(size_hw))


def _write(cell: Frame, text: str, colour: tuple[int, int, int], thickness: int) -> None:
    cv2.putText(cell, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA)
