"""Every frame of a clip with its mask: engines forward, and backwards before the first prompt."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from vos.prompts.gone import Gone
from vos.types import Clip, Frame, Mask, Prediction, Prompt, Segmenter, Step
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip, TimedFrame


@dataclass(frozen=True, eq=False)
class MaskedFrame:
    """A frame of a clip with its time, and what the engine says of it."""

    timed: TimedFrame
    prediction: Prediction

    @property
    def index(self) -> int:
        """The frame's number."""
        return self.timed.index

    @property
    def frame(self) -> Frame:
        """The picture (H, W, 3)."""
        return self.timed.frame

    @property
    def mask(self) -> Mask:
        """The label map (H, W)."""
        return self.prediction.mask


@dataclass
class Stopwatch:
    """Seconds spent in each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Add seconds to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


class _Stretch:
    """Frames of a clip, first to last or, where that is smaller, backwards, as engines read them.

    The frames that were read and not yet answered wait in `pending`.
    """

    def __init__(self, clip: FileClip, first: int, last: int, watch: Stopwatch) -> None:
        self._clip, self._first, self._watch = clip, first, watch
        self._step = -1 if last < first else 1
        self.pending: deque[TimedFrame] = deque()
        self.info = dataclasses.replace(clip.info, frames=abs(last - first) + 1)

    def __iter__(self) -> Iterator[Frame]:
        with closing(self._source()) as source:
            while True:
                with self._watch("decode"):
                    item = next(source, None)
                if item is None:
                    return
                self.pending.append(item)
                yield item.frame

    def _source(self) -> Generator[TimedFrame, None, None]:
        if self._step < 0:
            backwards = islice(self._clip.backwards(self._first), self.info.frames)
            for index, frame in enumerate(backwards):
                yield TimedFrame(self._first - index, 0, frame, 0)
        else:
            yield from islice(self._clip.timed(self._first), self.info.frames)

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these ascending indices of the stretch."""
        if self._step > 0:
            yield from self._clip.sample([self._first + i for i in indices])
            return
        for index in indices:  # one at a time: they are descending in the file
            yield from self._clip.sample([self._first - index])


def _answers(
    part: _Stretch, segmenter: Segmenter, prompts: Sequence[Prompt], watch: Stopwatch
) -> Generator[tuple[TimedFrame, Prediction] | Step, None, None]:
    clip: Clip = part
    with closing(segmenter.segment(clip, prompts)) as answers:
        while True:
            start, decoded = time.perf_counter(), watch.seconds.get("decode", 0.0)
            answer = next(answers, None)
            # the engine reads the clip inside its own turn: that time is decoding
            spent = time.perf_counter() - start - (watch.seconds.get("decode", 0.0) - decoded)
            watch.add("learn" if isinstance(answer, Step) else "segment", spent)
            if answer is None:
                assert not part.pending, "the engine owes masks"
                return
            yield answer if isinstance(answer, Step) else (part.pending.popleft(), answer)


def propagate(
    clip: FileClip,
    segmenter: Segmenter,
    prompts: Sequence[Prompt],
    spool: Path,
    watch: Stopwatch | None = None,
    span: tuple[int, int] | None = None,
) -> Generator[MaskedFrame | Step, None, None]:
    """Yield every frame of a clip with its mask, in order; Steps may come in between.

    Frames before the first prompt are segmented backwards from it; their masks wait in the file
    `spool`, packed, so that memory does not grow with the clip. Frames outside `span`, which holds all
    prompts, have empty masks. Engines do not know of objects that are gone: these are taken out of what
    they say, so that nothing else changes.
    """
    watch, gone = watch or Stopwatch(), Gone(prompts)
    first, last = span or (0, clip.info.frames - 1)
    named = [prompt for prompt in prompts if prompt.objects]
    start = named[0].frame if named else first
    yield from _nothing(clip, 0, first)
    if start > first:
        for item in _propagate_back(clip, segmenter, named[0], first, spool, watch):
            yield item if isinstance(item, Step) else _without(item, gone, start - 1)
    later = [dataclasses.replace(prompt, frame=prompt.frame - start) for prompt in named]
    for answer in _answers(_Stretch(clip, start, last, watch), segmenter, later, watch):
        yield answer if isinstance(answer, Step) else _without(MaskedFrame(*answer), gone, answer[0].index)
    yield from _nothing(clip, last + 1, clip.info.frames)


def _without(item: MaskedFrame, gone: Gone, frame: int) -> MaskedFrame:
    """Return a masked frame without what is gone on `frame`.

    Backwards that is the frame before the first prompt with a mask: what was said to be gone before it does
    not come back.
    """
    return dataclasses.replace(item, prediction=gone.clear(item.prediction, frame))


def _propagate_back(
    clip: FileClip, segmenter: Segmenter, prompt: Prompt, first: int, spool: Path, watch: Stopwatch
) -> Generator[MaskedFrame | Step, None, None]:
    confidences: list[float] = []
    told = [dataclasses.replace(prompt, frame=0)]
    count = prompt.frame - first + 1
    with MaskWriter(spool) as early:
        for item in _answers(_Stretch(clip, prompt.frame, first, watch), segmenter, told, watch):
            if isinstance(item, Step):
                yield item
                continue
            early.add(item[1].mask)
            confidences.append(item[1].confidence)
            yield Step("looking back from the first prompt", len(confidences), count)
    with MaskReader(spool) as masks:
        for timed in islice(clip.timed(first), count - 1):
            back = prompt.frame - timed.index
            yield MaskedFrame(timed, Prediction(masks[back], confidences[back]))


def _nothing(clip: FileClip, first: int, end: int) -> Generator[MaskedFrame, None, None]:
    """Yield the frames from `first` to before `end` with empty masks."""
    if first < end:
        empty = np.zeros(clip.info.size_hw, np.uint8)
        for timed in islice(clip.timed(first), end - first):
            yield MaskedFrame(timed, Prediction(empty))
