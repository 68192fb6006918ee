"""What an export is made from: a result opened for reading, frame by frame at its true size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from vos.errors import DamagedResult, InvalidInput
from vos.tracks import Track
from vos.types import VOID, Frame, Mask, Step, VideoInfo
from vos.video.alpha import AlphaReader
from vos.video.finish import Finish, finish_at
from vos.video.masks import MaskReader
from vos.video.picture import TICKS
from vos.video.read import FileClip


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame of a result: its number, its time and duration in 1/90000 s, its picture and its label map.

    `frame` is uint8 (H, W, 3) RGB and `mask` uint8 (H, W); void is background here.
    """

    index: int
    pts: int
    duration: int
    frame: Frame
    mask: Mask


@dataclass(frozen=True, eq=False)
class Exportable:
    """A result as exports read it; nothing is held in memory but numbers.

    Attributes:
        title: what the user calls the result.
        info: the clip as it was given; its size is that of the masks.
        clip: the stored copy, which may be padded to an even size; what is beyond `info` is cut off.
        masks: a label map for every frame.
        names: what the user calls the objects, by id; every object is in it.
        tracks: where the objects are, one for every object, as long as the masks.
        confidence: how sure the engine was, 0..1, for every frame; NaN where it has no opinion.
        facts: about the result, for people: name and text.
        frame_names: what the files of the frames were called, without endings, no two alike; may be empty.
        alpha: soft masks of the engine, where the result has them.
        finish: touches that every mask gets on its way out; the tracks are those of the finished masks.
    """

    title: str
    info: VideoInfo
    clip: FileClip
    masks: MaskReader
    names: Mapping[int, str]
    tracks: tuple[Track, ...]
    confidence: tuple[float, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    frame_names: tuple[str, ...] = ()
    alpha: AlphaReader | None = None
    finish: Finish = field(default_factory=Finish)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.masks.size_hw

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.masks)

    def numbers(self, every: int = 1) -> range:
        """Return the numbers of every n-th frame, from 0."""
        return range(0, self.frames, every)

    def label_map(self, index: int) -> Mask:
        """Return the label map (H, W) of a frame, finished, void as it is."""
        return finish_at(self.masks, index, self.finish)

    def mask(self, index: int) -> Mask:
        """Return the label map (H, W) of a frame, finished; void is background."""
        mask = self.label_map(index)
        return np.where(mask == VOID, 0, mask).astype(np.uint8) if mask.max() == VOID else mask

    def shots(self, every: int = 1) -> Iterator[Shot]:
        """Yield every n-th frame with its mask.

        Raises:
            DamagedResult: the clip has fewer frames than there are masks.
        """
        height, width = self.size_hw
        wanted = self.numbers(every)
        seen = 0
        for timed in self.clip.timed():
            if timed.index >= self.frames:
                break
            seen = timed.index + 1
            if timed.index in wanted:
                frame = np.ascontiguousarray(timed.frame[:height, :width])
                yield Shot(timed.index, timed.pts, timed.duration, frame, self.mask(timed.index))
        self._check_count(seen)

    def times_s(self) -> list[float]:
        """Return the time of every frame in seconds from the first.

        Raises:
            DamagedResult: the clip has fewer frames than there are masks.
        """
        times_s = [pts / TICKS for pts in islice(self.clip.times(), self.frames)]
        self._check_count(len(times_s))
        return times_s

    def _check_count(self, seen: int) -> None:
        if seen < self.frames:
            raise DamagedResult(
                f"the stored clip has {seen} frames and {self.frames} masks; one each is needed"
            )

    def frame_name(self, index: int) -> str:
        """Return the name of a frame's file without its ending: as given, or five digits from 00000."""
        return self.frame_names[index] if self.frame_names else f"{index:05d}"

    def step(self, index: int) -> Step:
        """Return how far an export is that has done the frame of this number."""
        return Step("writing", index + 1, self.frames)

    def chosen(self, objects: str) -> tuple[int, ...]:
        """Return the ids that a list with commas names, or all for an empty one.

        Raises:
            InvalidInput: the result has no such object.
        """
        known = tuple(sorted(self.names))
        words = [word.strip() for word in objects.split(",") if word.strip()]
        for word in words:
            if not word.isdecimal() or int(word) not in known:
                raise InvalidInput(
                    f"objects names {word!r}; the result has: {', '.join(map(str, known)) or 'none'}"
                )
        return tuple(sorted({int(word) for word in words})) or known

    def file_stem(self, object_id: int) -> str:
        """Return an object's id and name as a part of a file's name: letters, digits, - and _."""
        return f"{object_id}_{file_safe(self.names[object_id])}"


def file_safe(text: str) -> str:
    """Return text that every file system takes as part of a name."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in text).strip("_")[:60] or "unnamed"
