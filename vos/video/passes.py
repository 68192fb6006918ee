"""Passes over a video file that are tried anew: seeks that miss, threads that see damage differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import av

from vos.video.facts import length_s
from vos.video.picture import TICKS, LazyFrame


class SeekMissed(Exception):
    """A seek did not give the frames that reading from the start gives."""


class DamageSeen(Exception):
    """Several threads met damage; what they make of it changes from pass to pass, one thread's does not."""


def read_on(
    begin: Callable[[int, int, int | None], Iterator[LazyFrame]],
    starts: Sequence[int | None],
    first: int,
    before: int,
    note_damage: Callable[[], None],
) -> Iterator[LazyFrame]:
    """Yield the pictures from number `first` on, and up to so many `before` it, of passes that go on.

    begin: makes a pass (first, before, start), which raises SeekMissed or DamageSeen. starts: where passes
    start, the next one where one missed; None is the file's start. note_damage: called when damage was seen.
    """
    left = list(starts)
    while left:
        try:
            for picture in begin(first, before, left.pop(0)):
                yield picture
                if picture.index >= first:
                    first, before = picture.index + 1, 0
            return
        except SeekMissed:
            continue
        except DamageSeen:
            note_damage()
            left = [None]


def said_duration(frame: av.VideoFrame, fps: Fraction) -> int:
    """Return how long a decoded frame says that it lasts, in 1/90000 s; by the rate where it says nothing."""
    said_s = frame.duration * (frame.time_base or Fraction(0))
    return max(1, round(length_s(said_s, fps) * TICKS))
