"""What a video file says about itself, checked against its packets and its first picture."""

from __future__ import annotations

import dataclasses
import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vos.errors import UnreadableVideo
from vos.types import VideoInfo
from vos.video.colour import ColourSpace
from vos.video.index import FrameIndex, Packets, build_index, read_packets
from vos.video.limits import Limits
from vos.video.open import Film, open_film, pictures_of
from vos.video.picture import Geometry
from vos.video.sound import Sound, find_sound

_DEFAULT_RATE = Fraction(25)
_SLOWEST = Fraction(1, 1000)  # frames per second: what is said to be slower has mad times
_DURATION = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")
_SUFFIXES = {"mpegts": "ts", "mpeg": "mpg", "asf": "wmv", "ogg": "ogv", "yuv4mpegpipe": "y4m"}
_SLACK_S = 0.25  # headers round, and some count from the first sound
_USUAL_RATES = [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)] + [
    Fraction(n) for n in range(1, 241)
]


@dataclass(frozen=True, eq=False)
class Facts:
    """The probe of a file, and what reading it needs to know.

    `index` is None where pictures have to be counted from the start. `promised` is how many frames the
    header says there are. `notes` say, a sentence each, what is not as one may expect.
    """

    info: VideoInfo
    geometry: Geometry
    space: ColourSpace
    index: FrameIndex | None
    sound: Sound | None
    promised: int
    notes: tuple[str, ...]


class _Look:
    """What the first pictures of a file say."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.first: av.VideoFrame | None = None
        self.raws: list[int | None] = []
        self.is_interlaced = False
        self._name, self._limits = name, limits

    def __call__(self, picture: av.VideoFrame) -> None:
        if self.first is None:
            self._limits.check_pixels(self._name, picture.width, picture.height)
            self.first = picture
        self.raws.append(picture.pts)
        self.is_interlaced |= picture.interlaced_frame


def inspect(path: Path, limits: Limits) -> Facts:
    """Probe a video file; it is within the limits and its first picture decodes.

    The packets of the whole file are read, which is remembered as long as the file does not change.

    Raises:
        UnreadableVideo: not a video, no picture decodes, or over a limit.
    """
    status = path.stat()
    limits.check_size(path.name, status.st_size)
    return _inspect(path.absolute(), (status.st_ino, status.st_size, status.st_mtime_ns), limits)


@functools.lru_cache(maxsize=32)
def _inspect(path: Path, version: tuple[int, int, int], limits: Limits) -> Facts:
    with open_film(path) as film:
        stream, look = film.stream, _Look(path.name, limits)
        limits.check_pixels(path.name, stream.codec_context.width, stream.codec_context.height)
        found = read_packets(film, path, look)
        first = look.first
        if first is None:
            raise UnreadableVideo(f"{path.name} has no frame that can be decoded; at least one is needed")
        index = build_index(film, found, look.raws)
        raw = film.timestamp(first)
        origin_s = raw * stream.time_base if raw is not None and stream.time_base else Fraction(0)
        sound, notes = find_sound(path, origin_s)
        geometry, space = Geometry.of(first, stream.sample_aspect_ratio), ColourSpace.of(first)
        info = dataclasses.replace(
            _length_of(film, found, index),
            container=_container_name(film.container, path),
            width=geometry.size_hw[1],
            height=geometry.size_hw[0],
            pixel_format=first.format.name,
            rotation=first.rotation % 360,
            audio_codec=sound.codec if sound else "",
            size_bytes=version[1],
            transfer=space.transfer,
            primaries=space.primaries,
            interlaced=look.is_interlaced,
        )
        limits.check_length(path.name, info.frames, info.duration_s)
        info = dataclasses.replace(info, bit_rate=round(info.size_bytes * 8 / info.duration_s))
        early = found.count - int((~index.is_empty).sum()) if index else 0
        if early:
            notes += (f"{early} of {found.count} frames are damaged and were left out",)
        notes += (space.note,) if space.note else ()
        missing = early if index else int(found.is_empty.sum())
        return Facts(info, geometry, space, index, sound, _promised(stream, info, missing), notes)


def _length_of(film: Film, found: Packets, index: FrameIndex | None) -> VideoInfo:
    """Return what the packets and the header say: codec, frames, rate, length; the rest is left open."""
    stream = film.stream
    raws = index.raws if index else found.raws
    count = len(index) if index else found.count
    fps, variable = _rate(raws, stream)
    duration_s = float(count / fps)
    if len(raws) > 1 and stream.time_base:
        span_s = (int(raws[-1]) - int(raws[0])) * stream.time_base
        duration_s = float(span_s + length_s(found.last_ticks * stream.time_base, fps))
    return VideoInfo(
        container="",
        codec=stream.codec_context.codec.canonical_name,
        width=0,
        height=0,
        fps=fps,
        frames=count,
        duration_s=duration_s,
        profile=stream.profile or "",
        variable_rate=variable,
        pictures=len(pictures_of(film.container)),
    )


def _rate(times: NDArray[np.int64], stream: VideoStream) -> tuple[Fraction, bool]:
    """Return frames per second and whether the steps between frames differ by more than rounding."""
    said = stream.average_rate or stream.guessed_rate
    if len(times) < 2 or not stream.time_base:
        return said or _DEFAULT_RATE, False
    steps = np.diff(times)
    step = float(np.median(steps))
    variable = bool((np.abs(steps - step) > 1 + 0.05 * step).any())
    measured = Fraction(len(steps), int(times[-1]) - int(times[0])) / stream.time_base
    usual_step = abs(step - 1 / (said * stream.time_base)) <= 1 if said else False
    if said and (usual_step or abs(said / measured - 1) < 0.01):
        return said, variable
    usual = min(_USUAL_RATES, key=lambda rate: abs(rate / measured - 1))
    near = abs(usual / measured - 1) < 0.001 and not variable
    return usual if near else max(_SLOWEST, measured.limit_denominator(1001)), variable


def length_s(said_s: Fraction, fps: Fraction) -> Fraction:
    """Return how long a frame is shown; below a millisecond the file does not know, and 1/fps stands in."""
    return said_s if said_s >= Fraction(1, 1000) else 1 / fps


def _promised(stream: VideoStream, info: VideoInfo, missing: int) -> int:
    """Return how many frames the header says there are; those that were found where it does not.

    `missing` of them are known not to come.
    """
    count = info.frames
    if info.container in ("mp4", "mov"):  # the header counts frames that an edit list hides, too
        shown = sum(not entry.is_discard for entry in stream.index_entries)
        return shown - missing if stream.frames else count
    if info.container == "avi":
        return stream.frames - missing if stream.frames else count
    said = _DURATION.fullmatch(stream.metadata.get("DURATION", ""))  # Matroska
    if not said:
        return count
    hours, minutes, seconds = (float(part) for part in said.groups())
    said_s = hours * 3600 + minutes * 60 + seconds
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    said_s -= start_s if start_s > _SLACK_S else 0  # less is the shift that B frames need
    return round(said_s * info.fps) - missing if said_s > info.duration_s + _SLACK_S else count


def _container_name(container: InputContainer, path: Path) -> str:
    """Return the suffix that people know a format by: mp4, mov, mkv, webm, ts, wmv and so on."""
    family = container.format.name
    if family.startswith("mov"):
        return "mov" if container.metadata.get("major_brand", "qt  ").startswith("qt") else "mp4"
    if family.startswith("matroska"):
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else "mkv"
    return _SUFFIXES.get(family, family)
