"""The pictures of a video file whose packets say where each one is: any of them is reached by a seek."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import av
import numpy as np

from vos.types import VideoInfo
from vos.video import fields
from vos.video.facts import Facts
from vos.video.index import FrameIndex
from vos.video.limits import Limits
from vos.video.open import Film, open_film
from vos.video.passes import DamageSeen, SeekMissed, read_on, said_duration
from vos.video.picture import LazyFrame, Upright, checksum, held_bytes


class IndexedSource:
    """A video file as numbered pictures, the k-th time of its index being frame k.

    A frame that does not decode shows the one before, so that numbers and times stay those of the file.
    A pass may begin at a key frame that is coded on its own and comes out without damage; what it
    gives is compared with what a pass from the start has given, and where it misses, an earlier
    key frame is taken, at last the start.
    """

    def __init__(self, path: Path, facts: Facts, index: FrameIndex, limits: Limits, *, whole: bool) -> None:
        self.info: VideoInfo = facts.info
        self._path, self._facts, self._index, self._limits = path, facts, index, limits
        self._whole = whole and facts.info.interlaced  # fields are made whole frames
        self._checks: dict[int, int] = {}  # by number, of frames that a pass from the start has decoded
        self._state = np.zeros((4, len(index)), bool)
        self._seen, self._lost, self._corrupt, self._scaled = self._state
        self._is_damaged = False

    def pictures(self, first: int, before: int = 0) -> Generator[LazyFrame, None, None]:
        """Yield the pictures from number `first` on, exactly as a pass from the start gives them.

        And up to so many `before` it, as far as they are decoded on the way.
        """
        if first >= len(self._index):
            return
        starts = [*self._starts(first), None]
        yield from read_on(self._pass, starts, first, before, self._note_damage)

    @property
    def times(self) -> list[int]:
        """When each frame is shown, in 1/90000 s from frame 0: nothing is decoded."""
        times: list[int] = self._index.times.tolist()
        return times

    def far(self, index: int, target: int) -> bool:
        """Say whether seeking to `target` is cheaper than reading on from `index`."""
        return target > index + 16 and bool(self._index.is_key[index + 1 : target + 1].any())

    @property
    def lost(self) -> int:
        """How many frames are known not to decode."""
        return int(self._lost.sum())

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with the file; about its frames, known after a pass to the end."""
        count, info = len(self._index), self.info
        notes = list(self._facts.notes)
        if self._whole:
            notes.append(fields.NOTE)
        if not self._seen.all():
            return tuple(notes)
        if count < self._facts.promised:
            notes.append(f"the file ends early: {count} of {self._facts.promised} frames could be read")
        if lost := int(self._lost.sum()):
            notes.append(f"{lost} of {count} frames are damaged and show the one before")
        if corrupt := int(self._corrupt.sum()):
            notes.append(f"{corrupt} of {count} frames are damaged and may look wrong")
        if scaled := int(self._scaled.sum()):
            size = f"{info.width}x{info.height}"
            notes.append(f"{scaled} of {count} frames have another size and were scaled to {size}")
        return tuple(notes)

    def _starts(self, first: int) -> list[int]:
        """Return the numbers of the key frames to begin at for a frame; of none when the start is near."""
        lead = fields.NEIGHBOURS + 1 if self._whole else 0
        keys = self._index.keys_before(max(0, first - lead))[:2]
        return [key for key in keys if key > 0]

    def _pass(self, first: int, before: int, start: int | None) -> Generator[LazyFrame, None, None]:
        upright = Upright(self._facts.geometry, self._facts.space)
        last: LazyFrame | None = None
        with open_film(self._path, threads="NONE" if self._is_damaged else "AUTO") as film:
            for number, frame in self._numbered(film, first, before, start):
                if last is None and number > first:
                    raise SeekMissed
                if last is not None:
                    yield from self._repeats(last, first, number, may=start is None)
                picture = LazyFrame(
                    number,
                    int(self._index.times[number]),
                    self._index.duration(number, said_duration(frame, self.info.fps)),
                    held_bytes(frame),
                    partial(upright, frame),
                )
                self._examine(number, frame, start is None)
                if number >= first - before:
                    yield picture
                last = picture
        if last is None:
            raise SeekMissed
        yield from self._repeats(last, first, len(self._index), may=start is None)

    def _repeats(
        self, last: LazyFrame, first: int, until: int, *, may: bool
    ) -> Generator[LazyFrame, None, None]:
        """Yield the picture before in place of those that did not come, which a seek may have missed."""
        for number in range(last.index + 1, until):
            is_lost = not self._index.is_empty[number]
            if is_lost and not may and number >= first:
                raise SeekMissed
            if number >= first:
                self._seen[number] = True
                self._lost[number] = is_lost
                time, length = int(self._index.times[number]), self._index.duration(number, last.duration)
                yield dataclasses.replace(last, index=number, pts=time, duration=length)

    def _numbered(
        self, film: Film, first: int, before: int, start: int | None
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode from the key frame `start`; yield what has a number, from the first sure one on."""
        anchored = start is None
        lead = 0

        def damage() -> None:
            if anchored and not self._is_damaged:
                raise DamageSeen

        if start is not None:
            try:
                film.seek(int(self._index.raws[start]))
            except av.FFmpegError as error:
                raise SeekMissed from error
        last = None
        # in AVI a frame may have to be shown again, so that none can be left out
        can_skip = start is not None and not self._whole and not film.is_avi
        frames = film.decoded(damage, int(self._index.raws[max(0, first - before)]) if can_skip else None)
        for frame in fields.deinterlace(frames) if self._whole else frames:
            number = self._index.number(frame.pts)
            if number is None or (last is not None and number <= last):
                continue
            if not anchored:
                if number > first:
                    raise SeekMissed
                if not self._index.is_key[number] or frame.pict_type not in (0, 1):  # not told, or I
                    continue
                anchored = True
                lead = fields.NEIGHBOURS if self._whole else 0
            if frame.is_corrupt:
                damage()
            last = number
            if lead:  # made whole with pictures that the seek has left out
                lead -= 1
                continue
            yield number, frame

    def _examine(self, number: int, frame: av.VideoFrame, from_start: bool) -> None:
        self._limits.check_pixels(self._path.name, frame.width, frame.height)
        check = checksum(frame)
        if from_start:
            self._checks[number] = check
        elif self._checks.get(number, check) != check:
            raise SeekMissed
        self._seen[number] = True
        self._lost[number] = False
        self._corrupt[number] = frame.is_corrupt
        self._scaled[number] = (frame.width, frame.height) != self._facts.geometry.coded_wh

    def _note_damage(self) -> None:
        self._is_damaged = True
