"""What a video file says about itself, checked against its packets and its first picture."""

from __future__ import annotations

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
from vos.video.limits import Limits
from vos.video.open import decoded, opened, packets
from vos.video.picture import Geometry

_DEFAULT_RATE = Fraction(25)
_DURATION = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")
_SLACK_S = 0.25  # headers round, and some count from the first sound
_USUAL_RATES = [Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120)] + [
    Fraction(n) for n in range(1, 241)
]


@dataclass(frozen=True)
class Facts:
    """The probe of a file, how its pictures lie, and how many frames its header promises."""

    info: VideoInfo
    geometry: Geometry
    promised: int


def inspect(path: Path, limits: Limits) -> Facts:
    """Probe a video file; it is within the limits and its first picture decodes.

    Raises:
        UnreadableVideo: not a video, no picture decodes, or over a limit.
    """
    limits.check_size(path.name, path.stat().st_size)
    first, geometry = _first_picture(path, limits)
    with opened(path) as (container, stream):
        times, count, last_ticks = _packet_times(container, stream)
        fps, variable = _rate(times, stream)
        duration_s = float(count / fps)
        if len(times) > 1 and stream.time_base:
            span_s = int(times[-1] - times[0]) * stream.time_base
            duration_s = float(span_s + length_s(last_ticks * stream.time_base, fps))
        limits.check_length(path.name, count, duration_s)
        info = VideoInfo(
            container=_container_name(container, path),
            codec=stream.codec_context.codec.canonical_name,
            width=geometry.size_hw[1],
            height=geometry.size_hw[0],
            fps=fps,
            frames=count,
            duration_s=duration_s,
            profile=stream.profile or "",
            pixel_format=first.format.name,
            bit_rate=round(path.stat().st_size * 8 / duration_s),
            rotation=first.rotation % 360,
            variable_rate=variable,
            audio_codec=_audio_name(container),
            size_bytes=path.stat().st_size,
        )
        return Facts(info, geometry, _promised(stream, info))


def _first_picture(path: Path, limits: Limits) -> tuple[av.VideoFrame, Geometry]:
    with opened(path) as (container, stream):
        limits.check_pixels(path.name, stream.codec_context.width, stream.codec_context.height)
        first = next(decoded(container, stream), None)
        if first is None:
            raise UnreadableVideo(f"{path.name} has no frame that can be decoded; at least one is needed")
        limits.check_pixels(path.name, first.width, first.height)
        return first, Geometry.of(first, stream.sample_aspect_ratio)


def _packet_times(container: InputContainer, stream: VideoStream) -> tuple[NDArray[np.int64], int, int]:
    """Return the times of the packets that are shown, ascending, their number, the last one's duration."""
    times, count, last, last_ticks = [], 0, 0, 0
    avi = container.format.name == "avi"
    for packet in packets(container, stream):
        if packet.size == 0 or packet.is_discard:
            continue
        count += 1
        time = packet.dts if avi else packet.pts
        if time is not None:
            times.append(time)
            if time >= last:
                last, last_ticks = time, packet.duration or 0
    return np.unique(np.array(times, np.int64)), count, last_ticks


def _rate(times: NDArray[np.int64], stream: VideoStream) -> tuple[Fraction, bool]:
    """Return frames per second and whether the steps between frames differ by more than rounding."""
    said = stream.average_rate or stream.guessed_rate
    if len(times) < 2 or not stream.time_base:
        return said or _DEFAULT_RATE, False
    steps = np.diff(times)
    step = float(np.median(steps))
    variable = bool((np.abs(steps - step) > 1 + 0.05 * step).any())
    measured = Fraction(len(steps), int(times[-1] - times[0])) / stream.time_base
    usual_step = abs(step - 1 / (said * stream.time_base)) <= 1 if said else False
    if said and (usual_step or abs(said / measured - 1) < 0.01):
        return said, variable
    usual = min(_USUAL_RATES, key=lambda rate: abs(rate / measured - 1))
    near = abs(usual / measured - 1) < 0.001 and not variable
    return usual if near else measured.limit_denominator(1001), variable


def length_s(said_s: Fraction, fps: Fraction) -> Fraction:
    """Return how long a frame is shown; below a millisecond the file does not know, and 1/fps stands in."""
    return said_s if said_s >= Fraction(1, 1000) else 1 / fps


def _promised(stream: VideoStream, info: VideoInfo) -> int:
    """Return how many frames the header says there are; those that were found where it does not."""
    count = info.frames
    if info.container in ("mp4", "mov"):  # the header counts frames that an edit list hides, too
        return sum(not entry.is_discard for entry in stream.index_entries) if stream.frames else count
    if info.container == "avi":
        return stream.frames or count
    said = _DURATION.fullmatch(stream.metadata.get("DURATION", ""))  # Matroska
    if not said:
        return count
    hours, minutes, seconds = (float(part) for part in said.groups())
    said_s = hours * 3600 + minutes * 60 + seconds
    start_s = float((stream.start_time or 0) * (stream.time_base or 0))
    said_s -= start_s if start_s > _SLACK_S else 0  # less is the shift that B frames need
    return round(said_s * info.fps) if said_s > info.duration_s + _SLACK_S else count


def _container_name(container: InputContainer, path: Path) -> str:
    """Return mp4, mov, mkv, webm, avi or gif; FFmpeg names families only."""
    family = container.format.name
    if family.startswith("mov"):
        return "mov" if container.metadata.get("major_brand", "qt  ").startswith("qt") else "mp4"
    if family.startswith("matroska"):
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else "mkv"
    return family


def _audio_name(container: InputContainer) -> str:
    for stream in container.streams.audio[:1]:
        return stream.codec_context.codec.canonical_name
    return ""
