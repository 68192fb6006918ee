"""A result put right: what a corrected frame changes is propagated anew, all else stays bit for bit."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vos.net.prompts import impose
from vos.types import Frame, Mask, Prediction, Prompt, Segmenter, Step, VideoInfo
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip


@dataclass(frozen=True)
class Change:
    """Objects that a prompt on `frame` says anew, to be propagated from it to `end`, `end` included.

    An `end` before the frame is propagated to backwards.
    """

    frame: int
    objects: tuple[int, ...]
    end: int

    @property
    def order(self) -> range:
        """The frames, from the prompt's on."""
        step = 1 if self.end >= self.frame else -1
        return range(self.frame, self.end + step, step)


def find_changes(masks: MaskReader, prompts: Sequence[Prompt], first: int, last: int) -> tuple[Change, ...]:
    """Return what prompts change in the masks of a result; nothing for those that the masks agree with.

    From a prompt on, an object is propagated up to the next prompt that names it, or to `last`; backwards to
    `first` if no earlier prompt names it. What comes before the prompt stays otherwise.
    """
    changes = []
    for prompt in prompts:
        stored = masks[prompt.frame]
        objects = tuple(i for i in prompt.objects if ((stored == i) != (prompt.mask == i)).any())
        if not objects:
            continue
        naming = [p.frame for p in prompts if set(p.objects) & set(objects)]
        end = min((frame for frame in naming if frame > prompt.frame), default=last + 1) - 1
        changes.append(Change(prompt.frame, objects, end))
        known = {i for p in prompts if p.frame < prompt.frame for i in p.objects}
        new = tuple(i for i in objects if i not in known)
        if new and prompt.frame > first:
            changes.append(Change(prompt.frame, new, first))
    return tuple(changes)


class _Spliced:
    """The frames of other prompts, then those of a change in its order, as one clip (vos.types.Clip)."""

    def __init__(self, clip: FileClip, others: Sequence[int], order: range) -> None:
        self._clip, self._others, self._order = clip, others, order

    @property
    def info(self) -> VideoInfo:
        return replace(self._clip.info, frames=len(self._others) + len(self._order))

    def __iter__(self) -> Iterator[Frame]:
        yield from self.sample(range(len(self._others)))
        frames = (
            self._clip.backwards(self._order[0])
            if self._order.step < 0
            else (timed.frame for timed in self._clip.timed(self._order[0]))
        )
        yield from islice(frames, len(self._order))

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        count = len(self._others)
        for i in indices:  # one at a time: they need not ascend in the file
            yield from self._clip.sample([self._others[i] if i < count else self._order[i - count]])


def propagate_change(
    clip: FileClip, segmenter: Segmenter, prompts: Sequence[Prompt], change: Change
) -> Generator[tuple[int, Prediction] | Step, None, None]:
    """Yield frames of a change with their predictions, in its order; Steps may come in between.

    The engine sees the other prompts first, the nearest last: what was said near a frame leads.
    """
    others = [p for p in prompts if p.frame != change.frame]
    others.sort(key=lambda p: -abs(p.frame - change.frame))
    own = next(p for p in prompts if p.frame == change.frame)
    told = [replace(p, frame=k) for k, p in enumerate([*others, own])]
    part = _Spliced(clip, [p.frame for p in others], change.order)
    with closing(segmenter.segment(part, told)) as answers:
        position = -len(others)
        for answer in answers:
            if isinstance(answer, Step):
                yield answer
                continue
            if position >= 0:
                yield change.order[position], answer
            position += 1


def merge(stored: Mask, answer: Mask, objects: Sequence[int]) -> Mask:
    """Return a stored label map (H, W) with some objects as an answer has them; others keep their pixels."""
    table = np.zeros(256, np.uint8)
    table[list(objects)] = 255
    rest = np.asarray(cv2.copyTo(stored, cv2.bitwise_not(cv2.LUT(stored, table))), np.uint8)
    return np.where(rest, rest, cv2.bitwise_and(answer, cv2.LUT(answer, table)))


def apply_change(
    clip: FileClip,
    segmenter: Segmenter,
    prompts: Sequence[Prompt],
    change: Change,
    masks: Path,
    confidence: list[float],
) -> Generator[tuple[int, Mask] | Step, None, None]:
    """Carry out a change on a packed file of masks, whole or not at all; yield the new masks as they come.

    confidence: of each frame, 0..1 or NaN; it is brought up to date.
    """
    spool = masks.with_name(f"{masks.name}.spool")
    own = next(p for p in prompts if p.frame == change.frame)
    sure: dict[int, float] = {}
    try:
        answers = propagate_change(clip, segmenter, prompts, change)
        with MaskReader(masks) as stored, MaskWriter(spool) as new, closing(answers):
            for item in answers:
                if isinstance(item, Step):
                    yield item
                    continue
                index, prediction = item
                mask = merge(stored[index], prediction.mask, change.objects)
                mask = impose(mask, own.mask) if index == change.frame else mask
                new.add(mask)
                sure[index] = prediction.confidence
                yield index, mask
        order = {index: position for position, index in enumerate(change.order)}
        with MaskReader(masks) as stored, MaskReader(spool) as new_masks, MaskWriter(masks) as whole:
            for index in range(len(stored)):
                position = order.get(index)
                whole.add_packed(
                    stored.packed(index) if position is None else new_masks.packed(position), stored.size_hw
                )
    finally:
        spool.unlink(missing_ok=True)
    for index, value in sure.items():
        confidence[index] = value
