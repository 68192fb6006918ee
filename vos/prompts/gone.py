"""Objects that are said to be gone: from which frame on, and until which prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from vos.types import Mask, Prediction, Prompt


class Gone:
    """What prompts say of objects being there and gone; the latest word up to a frame counts."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._words: dict[int, list[tuple[int, bool]]] = {}  # by object: frame, and whether it is gone
        for prompt in sorted(prompts, key=lambda p: p.frame):
            for i in prompt.objects:
                self._words.setdefault(i, []).append((prompt.frame, False))
            for i in prompt.gone:
                self._words.setdefault(i, []).append((prompt.frame, True))

    def at(self, frame: int) -> tuple[int, ...]:
        """Return the objects that are gone on a frame, ascending."""
        found = []
        for i, words in self._words.items():
            heard = [gone for said, gone in words if said <= frame]
            if heard and heard[-1]:
                found.append(i)
        return tuple(sorted(found))

    def end(self, object_id: int, frame: int, last: int) -> int:
        """Return the last frame for which a word on a frame counts: that before the next word, or `last`."""
        later = [said for said, _ in self._words.get(object_id, ()) if said > frame]
        return min([*later, last + 1]) - 1

    def silent_before(self, object_id: int, frame: int) -> bool:
        """Say whether nothing is said of an object before a frame."""
        return not any(said < frame for said, _ in self._words.get(object_id, ()))

    def named_before(self, object_id: int, frame: int) -> int | None:
        """Return the frame of the last word before a frame, if that names the object, or None."""
        heard = [word for word in self._words.get(object_id, ()) if word[0] < frame]
        return heard[-1][0] if heard and not heard[-1][1] else None

    def clear(self, prediction: Prediction, frame: int) -> Prediction:
        """Return a prediction without what is gone on a frame; sure of it where all objects are."""
        objects = self.at(frame)
        if not objects:
            return prediction
        sure = 1.0 if self.all_at(frame) else prediction.confidence
        return replace(prediction, mask=erase(prediction.mask, objects), confidence=sure)

    def all_at(self, frame: int) -> bool:
        """Say whether every object that prompts speak of is gone on a frame."""
        return bool(self._words) and len(self.at(frame)) == len(self._words)


def erase(mask: Mask, objects: Sequence[int]) -> Mask:
    """Return a label map (H, W) in which some objects have become background."""
    return np.where(np.isin(mask, objects), 0, mask).astype(np.uint8) if objects else mask


def add_gone(
    prompts: Sequence[Prompt], gone: Mapping[int, Iterable[int]], size_hw: tuple[int, int]
) -> tuple[Prompt, ...]:
    """Return prompts that say, too, which objects are gone, by frame.

    Raises:
        InvalidInput: an object is both on a frame and gone.
    """
    masks = {prompt.frame: prompt.mask for prompt in prompts}
    said = {prompt.frame: {*prompt.gone} for prompt in prompts}
    for frame, objects in gone.items():
        said.setdefault(frame, set()).update(objects)
    empty = np.zeros(size_hw, np.uint8)
    return tuple(Prompt(frame, masks.get(frame, empty), tuple(said[frame])) for frame in sorted(said))
