"""Every frame of a clip with its mask: engines forward, and backwards before the first prompt."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vos.types import Clip, Frame, Mask, Prediction, Prompt, Segmenter, Step
from vos.video.masks import MaskReader, MaskWriter
from vos.video.read import FileClip, TimedFrame


@dataclass(frozen=True, eq=False)
class Tracked:
    """A frame with its mask; pts and duration count 1/90000 s, pts from the start of the clip."""

    index: int
    pts: int
    duration: int
    frame: Frame
    mask: Mask
    confidence: float
    attention: NDArray[np.float32] | None = None  # see vos.types.Prediction


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


class _Part:
    """A clip from one frame on, forward to its end or backwards to its start, as engines read it.

    The frames that were read and not yet answered wait in `pending`.
    """

    def __init__(self, clip: FileClip, first: int, watch: Stopwatch, *, backwards: bool = False) -> None:
        self._clip, self._first, self._watch, self._backwards = clip, first, watch, backwards
        self.pending: deque[TimedFrame] = deque()
        count = first + 1 if backwards else clip.info.frames - first
        self.info = dataclasses.replace(clip.info, frames=count)

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
        if self._backwards:
            for index, frame in enumerate(self._clip.backwards(self._first)):
                yield TimedFrame(self._first - index, 0, frame, 0)
        else:
            yield from self._clip.timed(self._first)

    def sample(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at these ascending indices of the part."""
        if not self._backwards:
            yield from self._clip.sample([self._first + i for i in indices])
            return
        for index in indices:  # one at a time: they are descending in the file
            yield from self._clip.sample([self._first - index])


def _answers(
    part: _Part, segmenter: Segmenter, prompts: Sequence[Prompt], watch: Stopwatch
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


def track(
    clip: FileClip,
    segmenter: Segmenter,
    prompts: Sequence[Prompt],
    spool: Path,
    watch: Stopwatch | None = None,
) -> Generator[Tracked | Step, None, None]:
    """Yield every frame of a clip with its mask, in order; Steps may come in between.

    Frames before the first prompt are segmented backwards from it; their masks wait in the file
    `spool`, packed, so that memory does not grow with the clip.
    """
    watch = watch or Stopwatch()
    first = prompts[0].frame if prompts else 0
    confidences: list[float] = []
    if first:
        start = [dataclasses.replace(prompts[0], frame=0)]
        with MaskWriter(spool) as early:
            for item in _answers(_Part(clip, first, watch, backwards=True), segmenter, start, watch):
                if isinstance(item, Step):
                    yield item
                    continue
                early.add(item[1].mask)
                confidences.append(item[1].confidence)
                yield Step("looking back from the first prompt", len(confidences), first + 1)
        with MaskReader(spool) as masks:
            for index, timed in zip(range(first), clip.timed(), strict=False):
                back = first - index
                yield _tracked(timed, Prediction(masks[back], confidences[back]))
    later = [dataclasses.replace(prompt, frame=prompt.frame - first) for prompt in prompts]
    for answer in _answers(_Part(clip, first, watch), segmenter, later, watch):
        yield answer if isinstance(answer, Step) else _tracked(*answer)


def _tracked(timed: TimedFrame, prediction: Prediction) -> Tracked:
    return Tracked(
        timed.index,
        timed.pts,
        timed.duration,
        timed.frame,
        prediction.mask,
        prediction.confidence,
        prediction.attention,
    )
