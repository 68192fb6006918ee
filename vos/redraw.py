"""The film of a corrected result: pictures that have changed are drawn anew, all others are copied."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from vos.propagate import MaskedFrame, Stopwatch
from vos.types import Prediction
from vos.video.draw import overlay
from vos.video.masks import MaskReader
from vos.video.read import FileClip
from vos.video.splice import Splice
from vos.video.write import VideoWriter


def find_changed(before: Path, now: Path) -> set[int] | None:
    """Return the frames on which two packed files of masks differ; None where one has more frames."""
    with MaskReader(before) as old, MaskReader(now) as new:
        if len(old) != len(new):
            return None
        return {index for index in range(len(old)) if old.packed(index) != new.packed(index)}


class Redrawing:
    """Draws a film (target) anew that another one (base) shows with earlier masks."""

    def __init__(self, clip: FileClip, base: Path, changed: Collection[int], target: Path) -> None:
        self._clip, self._target = clip, target
        self._film = Splice(base)
        self._stale = self._film.stale(changed)
        self.total = sum(map(len, self._stale))

    @property
    def frames(self) -> int:
        """How many frames the earlier film has."""
        return self._film.frames

    def draw(self, masks: MaskReader, sure: Sequence[float], watch: Stopwatch) -> Iterator[MaskedFrame]:
        """Yield the frames that are drawn, each once it is."""
        info = self._clip.info
        for frames in self._stale:
            with VideoWriter(self._part(frames), info.size_hw, fps=info.fps) as film:
                for timed in islice(self._clip.timed(frames[0]), len(frames)):
                    item = MaskedFrame(timed, Prediction(masks[timed.index], sure[timed.index]))
                    with watch("render"):
                        drawn = overlay(item.frame, item.mask)
                    with watch("encode"):
                        film.add(drawn, timed.pts, timed.duration)
                    yield item

    def write(self) -> bool:
        """Write the film; False, and nothing is written, where the earlier one was encoded otherwise."""
        return self._film.write(self._target, {frames[0]: self._part(frames) for frames in self._stale})

    def _part(self, frames: range) -> Path:
        return self._target.with_name(f"part{frames[0]}.mp4")
