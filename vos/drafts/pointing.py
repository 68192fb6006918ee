"""Clicks and boxes on a draft: a picker makes the object's mask anew from all that was said of it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from vos.drafts.draft import Draft
from vos.drafts.drawn import Clicks
from vos.errors import InvalidInput
from vos.types import Frame, Picker, Point

REMEMBERED = 4  # masks whose probabilities are kept

Box = tuple[float, float, float, float]


class Pointer:
    """Points with one picker; it remembers the probabilities of the last masks that came of it."""

    def __init__(self, picker: Picker) -> None:
        self.picker = picker
        self._probs: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def click(self, draft: Draft, frame: int, object_id: int, point: Point, pixels: Frame) -> bool:
        """Add a click to an object on a frame; one step. Say whether anything changed.

        Raises:
            InvalidInput: the point is outside the frame, or nothing says yet where the object is.
        """
        said = draft.clicks(frame, object_id)
        said = Clicks((*said.points, point), said.box)
        inside = draft.mask(frame) == object_id
        previous = self._probs.get(_digest(inside), inside) if inside.any() else None
        return self._pick(draft, frame, object_id, said, pixels, previous)

    def box(self, draft: Draft, frame: int, object_id: int, box: Box, pixels: Frame) -> bool:
        """Find an object anew in a box; one step. Say whether anything changed.

        Raises:
            InvalidInput: the box covers nothing of the frame, or nothing is found in it.
        """
        return self._pick(draft, frame, object_id, Clicks((), box), pixels, None)

    def _pick(
        self,
        draft: Draft,
        frame: int,
        object_id: int,
        said: Clicks,
        pixels: Frame,
        previous: NDArray[np.generic] | None,
    ) -> bool:
        prob = self.picker.pick(pixels, said.points, said.box, previous)
        inside = prob > 0.5
        if said.box and not inside.any():
            raise InvalidInput("nothing is found in the box; try a tighter one, or click on the object")
        changed = draft.set_object(frame, object_id, inside, said)
        self._probs[_digest(draft.mask(frame) == object_id)] = prob
        while len(self._probs) > REMEMBERED:
            self._probs.popitem(last=False)
        return changed


def _digest(inside: NDArray[np.bool_]) -> bytes:
    return hashlib.blake2b(np.packbits(inside).data, digest_size=16).digest()
