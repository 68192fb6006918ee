"""A picture as numbers of its colours, read in strips: one byte a pixel beside the picture itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vos.errors import InvalidInput

MAX_COLOURS = 1 << 16  # a soft or noisy mask has far fewer; a large photograph has more
CLEAR = 1 << 24  # the code of a pixel that is transparent
_STRIP = 1 << 20  # pixels

Codes = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Coded:
    """A picture: `ranks` (H, W) index `codes` (K,), which ascend; `counts` (K,) pixels have each code.

    A code is a grey level, an id, or a colour as red x 65536 + green x 256 + blue.
    """

    ranks: NDArray[Any]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, strips: Iterable[NDArray[Any]], shape: tuple[int, int]) -> Coded:
        """Number the codes of a picture that comes as strips of rows, top to bottom, each (h, W).

        Raises:
            InvalidInput: it has more than 65536 colours: a photograph.
        """
        ranks: NDArray[Any] = np.zeros(shape, np.uint8)
        codes, counts, row = np.zeros(0, np.int64), np.zeros(0, np.int64), 0
        for strip in strips:
            flat = strip.ravel()
            starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])  # masks: few, long runs
            lengths = np.diff(starts, append=flat.size)
            found, run = np.unique(flat[starts].astype(np.int64), return_inverse=True)
            codes = np.concatenate([codes, np.setdiff1d(found, codes, assume_unique=True)])
            if len(codes) > MAX_COLOURS:
                raise InvalidInput(
                    f"the picture has more than {MAX_COLOURS} colours; a mask has one for each object"
                )
            if len(codes) > 256 and ranks.dtype == np.uint8:
                ranks = ranks.astype(np.uint16)
            order = np.argsort(codes)
            own = order[np.searchsorted(codes, found, sorter=order)]
            counts = np.concatenate([counts, np.zeros(len(codes) - len(counts), np.int64)])
            counts[own] += np.bincount(run, lengths, minlength=len(found)).astype(np.int64)
            ranks[row : row + len(strip)] = np.repeat(own[run].astype(ranks.dtype), lengths).reshape(
                strip.shape
            )
            row += len(strip)
        order = np.argsort(codes)
        places = np.argsort(order).astype(ranks.dtype)
        for rows in _rows(shape):
            ranks[rows] = _look_up(places, ranks[rows])
        return cls(ranks, codes[order], counts[order])

    def map(self, labels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the picture (H, W) with each code replaced by its label; labels (K,) uint8."""
        out = np.empty(self.ranks.shape, np.uint8)
        for rows in _rows(self.ranks.shape):
            out[rows] = _look_up(labels.astype(np.uint8), self.ranks[rows])
        return out

    def border(self) -> NDArray[np.intp]:
        """Return how many pixels of each code (K,) lie on the picture's border."""
        edges = (self.ranks[0], self.ranks[-1], self.ranks[:, 0], self.ranks[:, -1])
        return np.bincount(np.concatenate(edges), minlength=len(self.codes))

    def solid(self, side: int, brightness: NDArray[np.uint8] | None = None) -> NDArray[np.intp]:
        """Return how many pixels of each code (K,) have a block of side x side pixels of their very colour.

        With `brightness` (K,): how many have darker as well as brighter pixels within one pixel's distance.
        """
        total = np.zeros(len(self.codes), np.intp)
        block = np.ones((side, side))
        for rows in _rows(self.ranks.shape):
            top = max(rows.start - side, 0)
            part = self.ranks[top : rows.stop + side]
            seen = part if brightness is None else _look_up(brightness, part)
            low, high = cv2.erode(seen, block), cv2.dilate(seen, block)
            hit = low == high if brightness is None else (low < seen) & (seen < high)
            inner = slice(rows.start - top, rows.stop - top)
            bins = 1 << 8 * part.itemsize
            mask = np.ascontiguousarray(hit[inner]).view(np.uint8)
            found = cv2.calcHist([np.ascontiguousarray(part[inner])], [0], mask, [bins], [0, bins])
            total += found.ravel()[: len(total)].astype(np.intp)  # exact: a strip has fewer than 2**24 pixels
        return total


def _look_up(table: NDArray[Any], ranks: NDArray[Any]) -> NDArray[Any]:
    """Return table[ranks]; for few colours in a tenth of the time."""
    if ranks.dtype != np.uint8 or table.dtype != np.uint8:
        return np.asarray(table[ranks])
    return np.asarray(cv2.LUT(ranks, np.pad(table, (0, 256 - len(table)))))


def read_strips(image: Image.Image, mode: str) -> Iterator[NDArray[Any]]:
    """Yield a picture as rows of codes: mode "P" gives indices, "L" and "" levels, "RGB" colours."""
    for rows in _rows((image.height, image.width)):
        part = image.crop((0, rows.start, image.width, rows.stop))
        if mode == "RGB":
            yield np.asarray(part.convert("RGBA")).view(">u4")[..., 0] >> 8
        else:
            yield np.asarray(part.convert(mode) if mode else part)


def cut_out(image: Image.Image) -> Iterator[Codes] | None:
    """Return the strips of a picture with a transparent part, whose code is CLEAR; None if all is opaque.

    What is more than half as opaque as the most opaque pixel counts as opaque.
    """
    if not image.has_transparency_data:
        return None
    low, most = 255, 0
    for strip in _rgba(image):
        low, most = min(low, int(strip[..., 3].min())), max(most, int(strip[..., 3].max()))
    if low > most / 2:
        return None
    return (
        np.where(strip[..., 3] > most / 2, strip.view(">u4")[..., 0] >> 8, CLEAR).astype(np.uint32)
        for strip in _rgba(image)
    )


def _rgba(image: Image.Image) -> Iterator[NDArray[np.uint8]]:
    for rows in _rows((image.height, image.width)):
        yield np.array(image.crop((0, rows.start, image.width, rows.stop)).convert("RGBA"))


def cut_strips(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the rows of an array (H, W) in strips."""
    return (np.asarray(array[rows]) for rows in _rows(array.shape))


def _rows(shape: tuple[int, ...]) -> Iterator[slice]:
    height = max(1, _STRIP // max(shape[1], 1))
    return (slice(top, min(top + height, shape[0])) for top in range(0, shape[0], height))
