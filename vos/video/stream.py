"""The pictures of a video file whose packets do not say where they are: counted in a pass from the start."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av

from vos.video import fields
from vos.video.facts import Facts
from vos.video.limits import Limits
from vos.video.open import open_film
from vos.video.passes import DamageSeen, SeekMissed, read_on, said_duration
from vos.video.picture import TICKS, LazyFrame, Upright, checksum, held_bytes

_RUN_UPS = (0, 64, None)  # frames before the wanted one to seek to; None reads from the start


class _Seen(NamedTuple):
    """What a pass from the start found out about one frame."""

    raw: int | None  # the file's own timestamp
    check: int
    pts: int  # 1/90000 s from frame 0
    is_key: bool
    is_corrupt: bool
    is_scaled: bool


class CountedSource:
    """A video file as numbered pictures; one that does not decode is left out.

    Seeking is not to be trusted: open groups of pictures, damage and loose timestamps give other
    frames than reading from the start does. So the timestamp and a checksum of every frame that a
    pass from the start has decoded are kept, a seek must give the same, and where it does not, the
    file is read from the start.
    """

    def __init__(self, path: Path, facts: Facts, limits: Limits, *, whole: bool) -> None:
        self.info = facts.info
        self._path, self._facts, self._limits = path, facts, limits
        self._whole = whole and facts.info.interlaced  # fields are made whole frames
        self._seen: list[_Seen] = []
        self._complete = False
        self._is_damaged = False

    def pictures(self, first: int, before: int = 0) -> Generator[LazyFrame, None, None]:
        """Yield the pictures from number `first` on, exactly as a pass from the start gives them."""
        yield from read_on(self._pass, _RUN_UPS, first, before, self._note_damage)

    def far(self, index: int, target: int) -> bool:
        """Say whether seeking to `target` is cheaper than reading on from `index`."""
        return target > index + 16 and any(seen.is_key for seen in self._seen[index + 1 : target + 1])

    @property
    def lost(self) -> int:
        """How many frames are known not to decode."""
        return self.info.frames - len(self._seen) if self._complete else 0

    def warnings(self) -> tuple[str, ...]:
        """Return what is wrong with the file; about its frames, known after a pass to the end."""
        notes = list(self._facts.notes)
        if self._whole:
            notes.append(fields.NOTE)
        if not self._complete:
            return tuple(notes)
        got, packets = len(self._seen), self.info.frames
        if packets < self._facts.promised:
            notes.append(f"the file ends early: {packets} of {self._facts.promised} frames could be read")
        if got < packets:
            notes.append(f"{packets - got} of {packets} frames are damaged and were left out")
        if corrupt := sum(seen.is_corrupt for seen in self._seen):
            notes.append(f"{corrupt} of {packets} frames are damaged and may look wrong")
        if scaled := sum(seen.is_scaled for seen in self._seen):
            size = f"{self.info.width}x{self.info.height}"
            notes.append(f"{scaled} of {packets} frames have another size and were scaled to {size}")
        return tuple(notes)

    def _pass(self, first: int, before: int, run_up: int | None) -> Generator[LazyFrame, None, None]:
        start = 0 if run_up is None else max(0, min(first, len(self._seen) - 1) - run_up)
        upright = Upright(self._facts.geometry, self._facts.space)
        index = start
        for frame, raw in self._decoded_from(start):
            found = self._examine(frame, raw, index)
            if index == len(self._seen):
                self._seen.append(found)
            elif start and found[:2] != self._seen[index][:2]:
                raise SeekMissed
            if index >= first - before:
                pts, size = self._seen[index].pts, held_bytes(frame)
                duration = said_duration(frame, self.info.fps)
                yield LazyFrame(index, pts, duration, size, partial(upright, frame))
            index += 1
        if start and index < len(self._seen):
            raise SeekMissed
        self._complete = True

    def _decoded_from(self, start: int) -> Iterator[tuple[av.VideoFrame, int | None]]:
        """Decode from the frame whose number is `start`, or from the one that is there after a seek."""
        with open_film(self._path, threads="NONE" if self._is_damaged else "AUTO") as film:
            wanted = self._seen[start].raw if start else None
            if start:
                if wanted is None or self._whole:
                    raise SeekMissed
                try:
                    film.seek(wanted)
                except av.FFmpegError as error:
                    raise SeekMissed from error
            frames = film.decoded(self._meet_damage)
            for frame in fields.deinterlace(frames) if self._whole else frames:
                if frame.is_corrupt:
                    self._meet_damage()
                raw = film.timestamp(frame)
                if wanted is not None and raw is not None and raw < wanted:
                    continue
                wanted = None
                yield frame, raw

    def _meet_damage(self) -> None:
        if not self._is_damaged:
            raise DamageSeen

    def _note_damage(self) -> None:
        self._is_damaged = True

    def _examine(self, frame: av.VideoFrame, raw: int | None, index: int) -> _Seen:
        self._limits.check_pixels(self._path.name, frame.width, frame.height)
        is_scaled = (frame.width, frame.height) != self._facts.geometry.coded_wh
        pts = self._time(raw, frame, index)
        return _Seen(raw, checksum(frame), pts, frame.key_frame, frame.is_corrupt, is_scaled)

    def _time(self, raw: int | None, frame: av.VideoFrame, index: int) -> int:
        """Return 1/90000 s from frame 0; where the file gives none or runs back, the rate goes on."""
        if index == 0:
            return 0
        before = self._seen[index - 1].pts
        origin = self._seen[0].raw
        if raw is not None and origin is not None and frame.time_base:
            pts = round((raw - origin) * frame.time_base * TICKS)
            if pts > before:
                return pts
        return before + max(1, round(TICKS / self.info.fps))
