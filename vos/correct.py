"""A result put right: what a corrected frame changes is propagated anew, all else stays bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.net.prompts import impose
from vos.prompts.gone import Gone, erase
from vos.prompts.stored import prompts_of
from vos.propagate import MaskedFrame
from vos.types import Frame, Job, Mask, Prediction, Prompt, Result, Segmenter, Step, VideoInfo
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip, TimedFrame

REACH = 16  # pixels from an edge up to which blending tells how far a pixel is from it


@dataclass(frozen=True)
class Change:
    """Objects that a prompt on `frame` says anew, to be propagated from it to `end`, `end` included.

    An `end` before the frame is propagated to backwards. `gone`: they have no pixels there. `blend`: what is
    there counts, too, the more the farther from the prompt.
    """

    frame: int
    objects: tuple[int, ...]
    end: int
    gone: bool = False
    blend: bool = False

    @property
    def order(self) -> range:
        """The frames, from the prompt's on."""
        step = 1 if self.end >= self.frame else -1
        return range(self.frame, self.end + step, step)

    def weight(self, frame: int) -> float:
        """Return how much what is propagated counts, 0..1: 1 on the prompt's frame, less towards `end`."""
        return 1 - abs(frame - self.frame) / len(self.order) if self.blend else 1.0


def can_correct(base: Result, job: Job, digest: str) -> bool:
    """Say whether a job can start from a result: same clip and range, and what its prompts said still holds.

    What was said and is taken back may have shaped any frame: then everything is segmented anew. So it is
    when nothing is said but what the result shows: another engine or mode is what is wanted then.
    """
    if base.digest != digest or base.span != job.span or not job.prompts:
        return False
    now = {prompt.frame: {*prompt.objects, *prompt.gone} for prompt in job.prompts}
    if not set(base.prompt_frames) <= set(now):
        return False
    if not all({*p.objects, *p.gone} <= now[p.frame] for p in prompts_of(base)):
        return False
    with MaskReader(base.files["masks"]) as masks:
        first, last = job.span or (0, len(masks) + base.missing - 1)
        return base.missing > 0 or bool(find_changes(masks, job.prompts, first, last, blend=job.blend))


def merge_prompts(earlier: Sequence[Prompt], later: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """Return all prompts; of objects that both speak of on a frame the later ones count."""
    merged = {prompt.frame: prompt for prompt in earlier}
    for prompt in later:
        known = merged.get(prompt.frame)
        if known:
            gone = {*known.gone, *prompt.gone} - set(prompt.objects)
            prompt = Prompt(prompt.frame, impose(erase(known.mask, prompt.gone), prompt.mask), tuple(gone))
        merged[prompt.frame] = prompt
    return tuple(merged.values())


def find_changes(
    masks: MaskReader, prompts: Sequence[Prompt], first: int, last: int, *, blend: bool = False
) -> tuple[Change, ...]:
    """Return what prompts change in the masks of a result; nothing for those that the masks agree with.

    From a prompt on, an object is propagated up to the next prompt that speaks of it, or to `last`; backwards
    to `first` if no earlier prompt does. What comes before the prompt stays otherwise or, with `blend`, is
    bent towards it as far back as the prompt before that names the object.
    """
    words, changes = Gone(prompts), []
    for prompt in prompts:
        if prompt.frame >= len(masks):  # a stopped job has not come so far
            continue
        stored = masks[prompt.frame]
        objects = tuple(i for i in prompt.objects if ((stored == i) != (prompt.mask == i)).any())
        for end, part in _by_end(words, objects, prompt.frame, last):
            changes.append(Change(prompt.frame, part, end))
        new = tuple(i for i in objects if words.silent_before(i, prompt.frame))
        if new and prompt.frame > first:
            changes.append(Change(prompt.frame, new, first))
        for start, part in _by_start(words, objects, prompt.frame) if blend else ():
            changes.append(Change(prompt.frame, part, start + 1, blend=True))
    return *changes, *_find_gone(masks, prompts, words, last)


def _find_gone(masks: MaskReader, prompts: Sequence[Prompt], words: Gone, last: int) -> Iterator[Change]:
    for prompt in prompts:
        for end, objects in _by_end(words, prompt.gone, prompt.frame, last):
            seen = (np.isin(masks[i], objects).any() for i in range(prompt.frame, min(end + 1, len(masks))))
            if end >= len(masks) or any(seen):
                yield Change(prompt.frame, objects, end, gone=True)


def _by_end(
    words: Gone, objects: Sequence[int], frame: int, last: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield objects with the frame up to which what is said of them counts, those that share it together."""
    ends = {i: words.end(i, frame, last) for i in objects}
    for end in sorted(set(ends.values())):
        yield end, tuple(i for i in objects if ends[i] == end)


def _by_start(words: Gone, objects: Sequence[int], frame: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the last frames before one that name objects, and these; frames in between are to be blended."""
    starts = {i: words.named_before(i, frame) for i in objects}
    for start in sorted({start for start in starts.values() if start is not None and start + 1 < frame}):
        yield start, tuple(i for i in objects if starts[i] == start)


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
    named = [p for p in prompts if p.objects]
    others = sorted((p for p in named if p.frame != change.frame), key=lambda p: -abs(p.frame - change.frame))
    told = dict(enumerate(others))
    for p in named:
        if p.frame in change.order and (p.frame == change.frame or set(p.objects) & set(change.objects)):
            told[len(others) + change.order.index(p.frame)] = p
    part = _Spliced(clip, [p.frame for p in others], change.order)
    with closing(segmenter.segment(part, [replace(p, frame=k) for k, p in sorted(told.items())])) as answers:
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


def blend_masks(stored: Mask, answer: Mask, objects: Sequence[int], weight: float) -> Mask:
    """Return what lies between two label maps (H, W), by the distance to each object's edge in both.

    weight: how much the answer counts, 0..1. Where one has nothing of an object, the weightier counts.
    """
    if weight >= 1:
        return answer
    mask = np.zeros_like(answer)
    for i in objects:
        there = [np.asarray(one == i).view(np.uint8) for one in (stored, answer)]
        if all(plane.any() for plane in there):
            before, after = map(_distance, there)
            mask[(1 - weight) * before + weight * after > 0] = i
        else:
            mask[there[weight > 0.5] > 0] = i
    return mask


def _distance(plane: Mask) -> NDArray[np.float32]:
    """Return how far inside an object pixels (H, W) are, below 0 outside, at most so many pixels."""
    inside, outside = (cv2.distanceTransform(one, cv2.DIST_L2, 5) for one in (plane, 1 - plane))
    return np.asarray(np.clip(inside - outside, -REACH, REACH), np.float32)


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
    if change.gone:
        take_away(prompts, change, masks, confidence)
        return
    said = {p.frame: p.mask for p in prompts if set(p.objects) & set(change.objects)}
    done: dict[int, float] = {}
    answers = propagate_change(clip, segmenter, prompts, change)
    with closing(answers), _taking_over(masks, done) as (stored, new):
        for item in answers:
            if isinstance(item, Step):
                yield item
                continue
            before = stored[item.index] if item.index < len(stored) else np.zeros_like(item.mask)
            answer = blend_masks(before, item.mask, change.objects, change.weight(item.index))
            mask = merge(before, answer, change.objects)
            mask = impose(mask, said[item.index]) if item.index in said else mask
            new.add(mask)
            done[item.index] = item.prediction.confidence
            yield MaskedFrame(item.timed, replace(item.prediction, mask=mask))
            if stopping():
                break
    for index, sure in sorted(done.items()):
        confidence[index : index + 1] = [sure]


def take_away(prompts: Sequence[Prompt], change: Change, masks: Path, confidence: list[float]) -> None:
    """Erase what is gone from a packed file of masks, whole or not at all; bring confidence up to date."""
    words, done = Gone(prompts), dict[int, float]()
    with _taking_over(masks, done) as (stored, new):
        for index in range(change.frame, min(change.end + 1, len(stored))):
            before = Prediction(stored[index], confidence[index])
            new.add(erase(before.mask, change.objects))
            done[index] = words.clear(before, index).confidence
    for index, sure in done.items():
        confidence[index] = sure


@contextmanager
def _taking_over(masks: Path, frames: Mapping[int, object]) -> Iterator[tuple[MaskReader, MaskWriter]]:
    """Open a packed file of masks, and one for new ones; these are those of `frames`, in order.

    At a clean end they take the place of the earlier ones or, where there are none, come behind them.
    """
    spool = masks.with_name(f"{masks.name}.spool")
    try:
        with MaskReader(masks) as stored, MaskWriter(spool) as new:
            yield stored, new
        position = {frame: k for k, frame in enumerate(frames)}
        with MaskReader(masks) as stored, MaskReader(spool) as made, MaskWriter(masks) as whole:
            for frame in range(max(len(stored), *(frame + 1 for frame in (*frames, -1)))):
                k = position.get(frame)
                whole.add_packed(stored.packed(frame) if k is None else made.packed(k), stored.size_hw)
    finally:
        spool.unlink(missing_ok=True)
