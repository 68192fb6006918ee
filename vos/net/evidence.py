"""What a network says of a frame, held against what is known: distractors are not the object.

A part that appears away from an object in sight is a distractor: remembered as background, it may become the
object only after that was lost. After a cut an object is what the network finds with confidence, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vos.net.cuts import Cuts
from vos.net.label_maps import measure_certainty
from vos.types import Frame

TEMPERATURE = 1.5  # at which confidence is, on average, the overlap (J) with the truth (docs/engines.md)
FOUND = 0.7  # the confidence that it takes to find an object again in another scene
LIKELY = 0.3  # probability from which pixels make a part
STEP = 2  # every so many pixels are looked at
REACH = 16  # pixels: what is that near to the mask of the frame before goes on with it
NEARBY = 0.5  # of the object's size (the root of its usual area): a lost part may come back there,
REGROWN = 1.1  # if with it the object is not larger than so many times its usual area
LOST = 0.5  # of its usual area: an object of which less remains is lost, and may be anywhere
FADING = 0.98  # what remains of the usual area after a frame in which less is seen


class Evidence:
    """Judges a clip's frames one after another."""

    def __init__(self) -> None:
        self._cuts = Cuts()
        self._presences: dict[int, Presence] = {}
        self._sought: set[int] = set()  # objects not yet found since the scene began

    @property
    def sought(self) -> int:
        """How many objects are not found since the scene began."""
        return len(self._sought)

    def tell(self, object_id: int, prob: Tensor) -> None:
        """Take it for true that an object is where its probabilities (1, h, w) say."""
        self._sought.discard(object_id)
        self._presences[object_id] = Presence.of(prob)

    def judge(self, frame: Frame, objects: Sequence[int], prob: Tensor) -> None:
        """Set probabilities (O, 1, h, w) of the next frame to 0, in place, where nothing speaks for them."""
        if self._cuts.add(frame):
            self._sought = set(objects)
        sure = measure_certainty(prob, TEMPERATURE).tolist() if self._sought else []
        for i, found, one in zip(objects, sure, prob, strict=False):
            if i in self._sought and found >= FOUND and bool((one > 0.5).any()):
                self.tell(i, one)
            elif i in self._sought:
                one[:] = 0
        for i, one in zip(objects, prob, strict=True):
            if i not in self._sought:
                self._presences[i].sift(one)


@dataclass
class Presence:
    """Where an object was in the frame before, and how large it usually is, in pixels looked at."""

    before: NDArray[np.uint8]
    usual: float

    @classmethod
    def of(cls, prob: Tensor) -> Presence:
        """Begin with an object's probabilities (1, h, w) on a frame where they are true."""
        before = _likely(prob)
        return cls(before, float(np.count_nonzero(before)))

    def sift(self, prob: Tensor) -> None:
        """Set probabilities (1, h, w) to 0, in place, where a part is a distractor; remember the rest."""
        seen = _likely(prob)
        count, parts = cv2.connectedComponents(seen)
        if count > 2 and self.before.any():
            away = self._away(np.asarray(parts))[parts]
            if away.any():
                gone = cv2.dilate(away.view(np.uint8), np.ones((3, 3), np.uint8))
                gone[(seen > 0) & ~away] = 0
                height, width = prob.shape[1:]
                whole = cv2.resize(gone, (width, height), interpolation=cv2.INTER_NEAREST)
                prob[0][prob.new_tensor(whole).bool()] = 0
                seen[away] = 0
        self.before = seen
        self.usual = max(float(np.count_nonzero(seen)), self.usual * FADING)

    def _away(self, parts: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which parts, numbered in (h, w) from 1 on, are distractors, (n,); 0 is the background."""
        areas = np.bincount(parts.ravel())
        distance = cv2.distanceTransform(1 - self.before, cv2.DIST_L2, 3) * STEP
        away = np.ones(len(areas), bool)
        away[np.unique(parts[distance <= REACH])] = False
        away[0] = False
        here = int(areas[1:][~away[1:]].sum())
        if here < LOST * self.usual:
            return np.zeros(len(areas), bool)
        nearby = NEARBY * STEP * np.sqrt(self.usual)
        for part in np.flatnonzero(away):
            small = here + areas[part] <= REGROWN * self.usual
            if small and distance[parts == part].min() <= nearby:
                away[part] = False
                here += int(areas[part])
        return away


def _likely(prob: Tensor) -> NDArray[np.uint8]:
    return (prob[0, ::STEP, ::STEP] > LIKELY).byte().cpu().numpy()
