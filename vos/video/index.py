"""Where each frame of a video file is: times and key frames, from packets that are not decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from vos.video.open import Film, packets
from vos.video.picture import TICKS

_MOST_FRAMES = 1 << 20
TRIED = 16  # pictures from the start that have to be where the packets say


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets that are shown: their times, ascending, and which of them are key frames.

    `raws` counts the stream's time base; `is_empty` marks frames of an AVI that repeat the one before and
    have no bytes; `count` is without them. `last_ticks` is how long the last one lasts, 0 where the
    file does not say. `is_sure` says that every packet has a time of its own.
    """

    raws: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    is_empty: NDArray[np.bool_]
    count: int
    last_ticks: int
    is_sure: bool


def read_packets(film: Film, path: Path, pictures: Callable[[av.VideoFrame], None]) -> Packets:
    """Read a film's packets to the end; give the first TRIED pictures that decode to `pictures`."""
    keys: dict[int, bool] = {}
    count, last, last_ticks, tried = 0, 0, 0, 0
    is_vp8 = film.stream.codec_context.codec.canonical_name == "vp8"
    for packet in packets(film.container, film.stream):
        if tried < TRIED:
            for picture in film.decode(packet)[: TRIED - tried]:
                pictures(picture)
                tried += 1
        if packet.size == 0 or packet.is_discard:
            continue
        if is_vp8 and not bytes(packet)[0] & 0x10:  # a reference that is never shown
            continue
        count += 1
        raw = packet.dts if film.is_avi else packet.pts
        if raw is not None:
            keys[raw] = packet.is_keyframe
            if raw >= last:
                last, last_ticks = raw, packet.duration or 0
    raws = np.array(sorted(keys), np.int64)
    is_sure = len(raws) == count > 0
    is_empty = np.zeros(len(raws), bool)
    if film.is_avi and is_sure:
        raws, is_empty = _filled(raws, film.stream.frames if _is_whole(path) else 0)
    is_key = np.array([keys.get(raw, False) for raw in raws.tolist()], bool)
    return Packets(raws, is_key, is_empty, count, last_ticks, is_sure)


def _filled(raws: NDArray[np.int64], promised: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the times of an AVI with those that have no packet: each tick of its clock is a frame."""
    start, end = int(raws[0]), int(raws[-1]) + 1
    if end - start > _MOST_FRAMES:  # no clock of frames
        return raws, np.zeros(len(raws), bool)
    if promised <= 2 * len(raws) + TRIED:  # else the header is damaged
        end = max(end, promised)
    whole = np.arange(start, end, dtype=np.int64)
    return whole, ~np.isin(whole, raws)


def _is_whole(avi: Path) -> bool:
    """Say whether an AVI's chunks end where the file does, so that what its header counts is there."""
    size, end = avi.stat().st_size, 0
    with avi.open("rb") as file:
        while end < size:
            file.seek(end)
            head = file.read(8)
            if head[:4] != b"RIFF":
                return end > 0
            end += 8 + int.from_bytes(head[4:], "little")
    return end <= size + 1


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The frames of a file whose pictures come where its packets say: frame k is the k-th time.

    `raws` are the stream's own times, `times` and `durations` count 1/90000 s from frame 0.
    """

    raws: NDArray[np.int64]
    times: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    is_empty: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.raws)

    def number(self, raw: int | None) -> int | None:
        """Return the number of the frame with a time of the stream; None where there is none."""
        if raw is None:
            return None
        at = int(np.searchsorted(self.raws, raw))
        return at if at < len(self.raws) and self.raws[at] == raw else None

    def keys_before(self, number: int) -> list[int]:
        """Return the numbers of the key frames up to this frame, the nearest first."""
        return [int(key) for key in np.flatnonzero(self.is_key[: number + 1])[::-1]]

    def duration(self, number: int, said: int) -> int:
        """Return how long a frame lasts in 1/90000 s: until the next one; the last as long as is `said`."""
        return int(self.times[number + 1] - self.times[number]) if number + 1 < len(self.times) else said


def build_index(film: Film, found: Packets, raws: Sequence[int | None]) -> FrameIndex | None:
    """Return the index of a file, from its packets and the times of its first pictures.

    None where pictures do not come as the packets say: fields in packets of their own, times that
    are missing or out of order, AVI with B frames.
    """
    time_base = film.stream.time_base
    if not (found.is_sure and raws and time_base) or (film.is_avi and film.decoder.has_b_frames):
        return None
    start = int(np.searchsorted(found.raws, -1 if raws[0] is None else raws[0]))
    present = found.raws[start:][~found.is_empty[start:]][: len(raws)]
    if list(raws) != present.tolist():
        return None
    raws_from = found.raws[start:]
    times = _ticks(raws_from, time_base)
    if (np.diff(times) <= 0).any():
        return None
    for array in (raws_from, times):
        array.flags.writeable = False
    return FrameIndex(raws_from, times, found.is_key[start:], found.is_empty[start:])


def _ticks(raws: NDArray[np.int64], time_base: Fraction) -> NDArray[np.int64]:
    scale = time_base * TICKS
    return np.asarray(
        ((raws - raws[0]) * scale.numerator + scale.denominator // 2) // scale.denominator, np.int64
    )
