"""Finishing touches on masks: smooth over time, drop specks, fill holes, grow or shrink, feather.

They are not baked in: a result keeps its masks, and what shows or exports them finishes them on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.types import VOID, Mask, object_ids
from vos.video.alpha import Alpha
from vos.video.masks import MaskReader


@dataclass(frozen=True)
class Finish:
    """What is done to every mask, in this order; the defaults do nothing.

    Attributes:
        smooth: frames on either side that have a vote on each pixel, 0..5; the majority wins.
        specks: parts of an object smaller than this share of its largest part go, 0..0.5.
        holes: whether background that an object encloses becomes the object.
        grow: pixels by which objects grow (into the background) or, below 0, shrink, -50..50.
        feather: pixels over which the edge of the alpha fades, 0..50; label maps stay hard.

    Raises:
        InvalidInput: a value outside its range.
    """

    smooth: int = 0
    specks: float = 0.0
    holes: bool = False
    grow: int = 0
    feather: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("smooth", 0, 5), ("specks", 0, 0.5), ("grow", -50, 50), ("feather", 0, 50)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidInput(f"{name} is {value}; {low} to {high} are allowed")

    @property
    def query(self) -> str:
        """The touches as the query of an address; empty where nothing is done."""
        return urlencode(as_mapping(self))

    @property
    def changes_masks(self) -> bool:
        """Whether label maps come out otherwise; feathering changes alpha only."""
        return any(getattr(self, field.name) != field.default for field in fields(self)[:-1])


def as_mapping(finish: Finish) -> dict[str, bool | int | float]:
    """Return the touches that do something, by name."""
    named = {field.name: getattr(finish, field.name) for field in fields(Finish)}
    return {name: value for name, value in named.items() if value != getattr(Finish, name)}


def read_finish(given: Mapping[str, str]) -> Finish:
    """Return the touches that a query or the command line names.

    Raises:
        InvalidInput: an unknown name, or a value that is no number of its range.
    """
    values: dict[str, Any] = {}
    for name, text in given.items():
        kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(Finish)}
        if name not in kinds:
            raise InvalidInput(f"there is no finishing touch {name!r}; there are: {', '.join(kinds)}")
        try:
            values[name] = text.lower() in ("1", "true", "yes") if kinds[name] is bool else kinds[name](text)
        except ValueError as error:
            raise InvalidInput(f"{name} is {text!r}; it takes a number") from error
    return Finish(**values)


def finish_masks(masks: Iterable[Mask], finish: Finish) -> Iterator[Mask]:
    """Yield label maps (H, W) with the finishing touches, as many as come; at most 2 smooth + 1 are held."""
    if not finish.changes_masks:
        yield from masks
        return
    for window, middle in _windows(iter(masks), finish.smooth):
        yield _touch_up(_vote(window, middle), finish)


def finish_at(masks: Sequence[Mask] | MaskReader, frame: int, finish: Finish) -> Mask:
    """Return one frame's label map (H, W) as `finish_masks` gives it, from masks that can be indexed."""
    first, end = max(0, frame - finish.smooth), min(len(masks), frame + finish.smooth + 1)
    window = [masks[index] for index in range(first, end)]
    return _touch_up(_vote(window, frame - first), finish) if finish.changes_masks else masks[frame]


def feather_alpha(alpha: Alpha, pixels: float) -> Alpha:
    """Return an alpha plane (H, W), 0..1, whose edge fades over so many pixels."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), pixels / 2), np.float32) if pixels > 0 else alpha


def _windows(masks: Iterator[Mask], reach: int) -> Iterator[tuple[list[Mask], int]]:
    """Yield the masks around each one, and where among them it stands."""
    held = deque(islice(masks, reach + 1), maxlen=2 * reach + 1)
    middle = 0
    while middle < len(held):
        yield list(held), middle
        middle += 1
        if (later := next(masks, None)) is not None:
            held.append(later)
        elif middle > reach:
            held.popleft()
        middle = min(middle, reach)


def _vote(window: Sequence[Mask], middle: int) -> Mask:
    """Return the label that most of a window's masks have at each pixel; on a tie the middle one's."""
    if len(window) == 1:
        return window[0]
    ids = sorted({i for mask in window for i in object_ids(mask)})
    best: Mask = window[middle].copy()
    most = _count(window, best)
    for label in (0, *ids):
        votes = np.asarray(np.sum([mask == label for mask in window], 0), np.uint8)
        wins = votes > most
        best[wins], most[wins] = label, votes[wins]
    return best


def _count(window: Sequence[Mask], mask: Mask) -> NDArray[np.uint8]:
    return np.asarray(np.sum([other == mask for other in window], 0), np.uint8)


def _touch_up(mask: Mask, finish: Finish) -> Mask:
    ids = object_ids(mask)
    planes = {i: (mask == i).view(np.uint8) for i in ids}
    out: Mask = np.where(mask == VOID, np.uint8(VOID), np.uint8(0))
    for i, plane in planes.items():
        plane = _drop_specks(plane, finish.specks) if finish.specks else plane
        plane = _fill_holes(plane) if finish.holes else plane
        planes[i] = _grow(plane, finish.grow) if finish.grow else plane
    for i in ids:  # what an object gains it takes from the background only
        gained = (planes[i] > 0) & (out == 0) & ((mask == i) | (mask == 0))
        out[gained] = i
    return out


def _drop_specks(plane: Mask, share: float) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
    areas = stats[1:count, cv2.CC_STAT_AREA]
    kept = np.concatenate([[False], areas >= share * areas.max(initial=0)])
    return np.asarray(kept[parts], np.uint8)


def _fill_holes(plane: Mask) -> Mask:
    outlines, _ = cv2.findContours(plane, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = plane.copy()
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return filled


def _grow(plane: Mask, pixels: int) -> Mask:
    size = 2 * abs(pixels) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    change = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(change(plane, kernel, borderType=cv2.BORDER_REPLICATE), np.uint8)
