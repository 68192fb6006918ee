"""What a user must know of a result: where objects are not found, what is doubtful, where scenes begin."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.net.cuts import Cuts
from vos.tracks import Track
from vos.types import Frame

DOUBTFUL = 0.6  # expected overlap with the truth below which a frame is doubtful
APART = 3  # spans with fewer frames in between are told as one
SHORTEST = 2  # frames: a shorter span within the clip is not worth a sentence
AT_MOST = 4  # spans in a sentence; the others are counted
BLANK = 2.0  # grey levels: a frame whose pixels spread less shows nothing


class Doubts:
    """Watches a clip while it is segmented, one `add` a frame; keeps numbers of frames, no pictures."""

    def __init__(self, prompt_frames: Iterable[int] = ()) -> None:
        self._prompted = frozenset(prompt_frames)
        self._cuts, self._frames = Cuts(), 0
        self._scenes: list[int] = []  # the frames with which scenes begin, but the first
        self._blank: list[int] = []  # prompted frames that show nothing

    def add(self, frame: Frame) -> None:
        """Take the next frame (H, W, 3)."""
        if self._cuts.add(frame):
            self._scenes.append(self._frames)
        self.look(self._frames, frame)
        self._frames += 1

    def look(self, index: int, frame: Frame) -> None:
        """Take a frame (H, W, 3) that was there before: what a prompt on it says may be new."""
        if index in self._prompted - {*self._blank} and float(frame[::4, ::4].std()) < BLANK:
            self._blank.append(index)

    def to_json(self) -> dict[str, Any]:
        """Return what is known of the frames alone."""
        return {"frames": self._frames, "scenes": self._scenes, "blank": self._blank}

    def recall(self, known: Mapping[str, Any]) -> None:
        """Take what `to_json` gave of the same clip: its frames need not come again."""
        self._frames, self._scenes = int(known["frames"]), [int(i) for i in known["scenes"]]
        earlier = {int(i) for i in known["blank"] if i in self._prompted}
        self._blank = sorted(earlier.union(self._blank))

    def sentences(
        self,
        tracks: Sequence[Track],
        confidence: Sequence[float | None],
        names: Mapping[int, str],
        first: Mapping[int, int],
        told_gone: Callable[[int], Collection[int]] = lambda _: (),
    ) -> tuple[str, ...]:
        """Return what there is to say.

        tracks: of all objects. confidence: of every frame, 0..1. names: what objects are called, where they
        have names. first: the first frame whose prompt names an object. told_gone: the objects that the user
        says are not there on a frame.
        """
        said = [f"frame {i} has a prompt, but shows nothing: it is of one colour" for i in self._blank]
        lost = np.zeros(self._frames, bool)
        for track in tracks:
            gone = ~track.visible
            gone[: first.get(track.object_id, 0)] &= False
            gone &= [track.object_id not in told_gone(i) for i in range(len(gone))]
            lost |= gone
            if spans := _spans(gone):
                name = names.get(track.object_id) or f"object {track.object_id}"
                where = _told(spans, self._frames)
                said.append(f"{name} is not found {where}: hidden, out of the picture or lost")
        unsure = np.array([c is not None and not math.isnan(c) and c < DOUBTFUL for c in confidence], bool)
        unsure = unsure[: self._frames] & ~lost[: len(unsure)]
        if spans := _spans(unsure):
            said.append(f"the masks are doubtful {_told(spans, self._frames)}: look at them")
        if self._scenes:
            frames = ", ".join(str(i) for i in self._scenes[:AT_MOST])
            more = f" and {len(self._scenes) - AT_MOST} more" if len(self._scenes) > AT_MOST else ""
            said.append(f"a new scene begins at frame {frames}{more}: a prompt there helps")
        return tuple(said)


def _spans(frames: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return runs of true frames, first and last; those nearly joined as one, short ones left out."""
    spans: list[tuple[int, int]] = []
    for i in np.flatnonzero(frames).tolist():
        if spans and i - spans[-1][1] <= APART:
            spans[-1] = spans[-1][0], i
        else:
            spans.append((i, i))
    return [(a, b) for a, b in spans if b - a + 1 >= SHORTEST or b == len(frames) - 1]


def _told(spans: Sequence[tuple[int, int]], frames: int) -> str:
    parts = []
    for first, last in spans[:AT_MOST]:
        if last == frames - 1:
            parts.append(f"from frame {first} on" if first < last else f"on frame {first}")
        else:
            parts.append(f"from frame {first} to {last}")
    more = f", and {len(spans) - AT_MOST} times more" if len(spans) > AT_MOST else ""
    return ", ".join(parts) + more
