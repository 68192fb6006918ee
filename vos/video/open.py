"""Opening a video file with FFmpeg, and decoding what can be decoded of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TypeVar, cast

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from vos.errors import UnreadableVideo

# Formats that can name other files or addresses (playlists, concat lists) are never tried.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"
_MAX_FAILED_READS = 64  # in a row, after which the rest of a damaged file is given up


StreamT = TypeVar("StreamT", bound=Stream)


@contextmanager
def container_of(path: Path) -> Iterator[InputContainer]:
    """Open a media file.

    Raises:
        UnreadableVideo: FFmpeg cannot open it.
    """
    try:
        container = av.open(str(path.absolute()), "r", options={"format_whitelist": _FORMATS})
    except av.FFmpegError as error:
        raise UnreadableVideo(_why(path)) from error
    with container:
        yield container


@contextmanager
def opened(path: Path, threads: str = "AUTO") -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its picture stream, ready to decode.

    Raises:
        UnreadableVideo: it cannot be opened, or has no picture (a cover image is none).
    """
    with container_of(path) as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            sound = " (it has only sound)" if container.streams.audio else ""
            raise UnreadableVideo(f"{path.name} has no picture{sound}; a video is needed")
        streams[0].thread_type = threads
        yield container, streams[0]


def packets(container: InputContainer, stream: StreamT) -> Iterator[av.Packet[StreamT]]:
    """Yield a stream's packets, past damage in the file; the last one is empty and ends decoding."""
    failures = 0
    while failures < _MAX_FAILED_READS:
        try:
            for packet in cast("Iterator[av.Packet[StreamT]]", container.demux(stream)):
                failures = 0
                yield packet
            return
        except av.FFmpegError:
            failures += 1


def decoded(
    container: InputContainer, stream: VideoStream, on_damage: Callable[[], None] = lambda: None
) -> Iterator[av.VideoFrame]:
    """Yield the pictures that decode, in presentation order; call `on_damage` for what does not."""
    for packet in packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            on_damage()
            continue
        yield from frames


def timestamp(container: InputContainer, frame: av.VideoFrame) -> int | None:
    """Return a picture's time in the stream's time base; None where the file does not say.

    AVI has decoding times only, and FFmpeg passes them on as presentation times: those of the
    packets that were read when the picture came out are in order.
    """
    return frame.dts if container.format.name == "avi" else frame.pts


def start_s(path: Path) -> Fraction:
    """Return the time of the first picture on the file's own clock, in seconds."""
    with opened(path) as (container, stream):
        for frame in decoded(container, stream):
            raw = timestamp(container, frame)
            return Fraction(0) if raw is None or not frame.time_base else raw * frame.time_base
    return Fraction(0)


def has_sound(path: Path) -> bool:
    """Say whether the file has a sound track that decodes."""
    with container_of(path) as container:
        for stream in container.streams.audio[:1]:
            for packet in packets(container, stream):
                try:
                    if packet.decode():
                        return True
                except av.FFmpegError:
                    continue
    return False


def _why(path: Path) -> str:
    """Say in one sentence why FFmpeg cannot open a file."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    if not head:
        return f"{path.name} is empty (0 bytes); a video is needed"
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide"):
        return f"{path.name} is cut short or damaged: its index (moov) is missing or unreadable"
    return f"{path.name} is not a video that can be read; mp4, mov, mkv, webm, avi and gif are"
