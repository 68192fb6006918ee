"""A result put right: what a corrected frame changes is propagated anew, all else stays bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vos.net.prompts import impose
from vos.propagate import MaskedFrame
from vos.types import Frame, Job, Mask, Prompt, Result, Segmenter, Step, VideoInfo
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip, TimedFrame


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


def can_correct(base: Result, job: Job, digest: str) -> bool:
    """Say whether a job can start from a result: same clip and range, and all its prompts are still there.

    A prompt that was taken away may have shaped any frame: then everything is segmented anew.
    """
    kept = set(base.prompt_frames) <= {prompt.frame for prompt in job.prompts}
    return kept and base.digest == digest and base.span == job.span and bool(job.prompts)


def merge_prompts(earlier: Sequence[Prompt], later: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """Return all prompts; of objects that both name on a frame the later ones count."""
    merged = {prompt.frame: prompt for prompt in earlier}
    for prompt in later:
        known = merged.get(prompt.frame)
        merged[prompt.frame] = Prompt(prompt.frame, impose(known.mask, prompt.mask)) if known else prompt
    return tuple(merged.values())


def find_changes(masks: MaskReader, prompts: Sequence[Prompt], first: int, last: int) -> tuple[Change, ...]:
    """Return what prompts change in the masks of a result; nothing for those that the masks agree with.

    From a prompt on, an object is propagated up to the next prompt that names it, or to `last`; backwards to
    `first` if no earlier prompt names it. What comes before the prompt stays otherwise.
    """
    changes = []
    for prompt in prompts:
        if prompt.frame >= len(masks):  # a stopped job has not come so far
            continue
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
        self.newest: Frame  # of the change, as the engine has asked for it

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
        for frame in islice(frames, len(self._order)):
            self.newest = frame
            yield frame

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        count = len(self._others)
        for i in indices:  # one at a time: they need not ascend in the file
            yield from self._clip.sample([self._others[i] if i < count else self._order[i - count]])


def find_rest(masks: MaskReader, prompts: Sequence[Prompt], last: int) -> tuple[Change, ...]:
    """Return what a stopped job has left to do: all objects, from the first frame without a mask on."""
    objects = tuple(sorted({i for prompt in prompts for i in prompt.objects}))
    return (Change(len(masks), objects, last),) if len(masks) <= last else ()


def propagate_change(
    clip: FileClip, segmenter: Segmenter, prompts: Sequence[Prompt], change: Change
) -> Generator[MaskedFrame | Step, None, None]:
    """Yield frames of a change with their predictions, in its order; Steps may come in between.

    The engine sees the other prompts first, the nearest last: what was said near a frame leads.
    """
    others = [p for p in prompts if p.frame != change.frame]
    others.sort(key=lambda p: -abs(p.frame - change.frame))
    told = [*others, *(p for p in prompts if p.frame == change.frame)]
    part = _Spliced(clip, [p.frame for p in others], change.order)
    with closing(segmenter.segment(part, [replace(p, frame=k) for k, p in enumerate(told)])) as answers:
        position = -len(others)
        for answer in answers:
            if isinstance(answer, Step):
                yield answer
                continue
            if position >= 0:
                yield MaskedFrame(TimedFrame(change.order[position], 0, part.newest, 0), answer)
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
    stopping: Callable[[], bool] = lambda: False,
) -> Generator[MaskedFrame | Step, None, None]:
    """Carry out a change on a packed file of masks, whole or not at all; yield frames as they get new masks.

    confidence: of each frame, 0..1 or NaN; it is brought up to date. Once `stopping` says so, the frames that
    are left keep what they have.
    """
    spool = masks.with_name(f"{masks.name}.spool")
    own = next((p.mask for p in prompts if p.frame == change.frame), None)
    done: dict[int, float] = {}
    try:
        answers = propagate_change(clip, segmenter, prompts, change)
        with MaskReader(masks) as stored, MaskWriter(spool) as new, closing(answers):
            for item in answers:
                if isinstance(item, Step):
                    yield item
                    continue
                before = stored[item.index] if item.index < len(stored) else np.zeros_like(item.mask)
                mask = merge(before, item.mask, change.objects)
                mask = impose(mask, own) if item.index == change.frame and own is not None else mask
                new.add(mask)
                done[item.index] = item.prediction.confidence
                yield MaskedFrame(item.timed, replace(item.prediction, mask=mask))
                if stopping():
                    break
        _take_over(masks, spool, list(done))
    finally:
        spool.unlink(missing_ok=True)
    for index, sure in sorted(done.items()):
        confidence[index : index + 1] = [sure]


def _take_over(masks: Path, spool: Path, frames: Sequence[int]) -> None:
    """Put masks of `frames`, as they stand in a spool, in the place of those in a packed file, or behind."""
    position = {frame: k for k, frame in enumerate(frames)}
    with MaskReader(masks) as stored, MaskReader(spool) as new, MaskWriter(masks) as whole:
        for frame in range(max(len(stored), *(frame + 1 for frame in (*frames, -1)))):
            k = position.get(frame)
            whole.add_packed(stored.packed(frame) if k is None else new.packed(k), stored.size_hw)
