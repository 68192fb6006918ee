"""Opening a video file with FFmpeg, choosing its tracks, and decoding what can be decoded of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vos.errors import UnreadableVideo

# Only formats that hold their own content: playlists, concat lists and pipes of numbered files can
# name other files or addresses, and are never tried. Nor are bare streams, which have no times.
_DEMUXERS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "gif", "apng", "mpegts", "mpeg", "asf", "flv"),
    *("mxf", "ogg", "dv", "ivf", "nut", "wtv", "yuv4mpegpipe"),
)
SUFFIXES = (  # that such files usually have
    *("mp4", "mov", "m4v", "mkv", "webm", "avi", "gif", "png", "apng", "webp", "ts", "mts", "m2ts", "mpg"),
    *("mpeg", "vob", "wmv", "asf", "flv", "f4v", "mxf", "ogv", "ogg", "3gp", "3g2", "mj2", "dv", "ivf"),
    *("nut", "wtv", "y4m"),
)
_OPTIONS = {"format_whitelist": ",".join(_DEMUXERS), "protocol_whitelist": "file"}
_MAX_FAILED_READS = 64  # in a row, after which the rest of a damaged file is given up
_NOT_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own ones drop the alpha plane


StreamT = TypeVar("StreamT", bound=Stream)


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a media file.

    Raises:
        UnreadableVideo: FFmpeg cannot open it.
    """
    try:
        container = av.open(str(path.absolute()), "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableVideo(_why(path)) from error
    with container:
        yield container


@dataclass(frozen=True, eq=False)
class Film:
    """An open video file: its container, the picture track that is read, and what decodes it."""

    container: InputContainer
    stream: VideoStream
    decoder: VideoCodecContext

    @property
    def is_avi(self) -> bool:
        """Say whether the file has decoding times only, which FFmpeg passes on as presentation times."""
        return self.container.format.name == "avi"

    def seek(self, raw: int) -> None:
        """Go to a key frame not after a timestamp, as far as the file's own index can be trusted."""
        self.container.seek(raw, stream=self.stream)

    def decoded(
        self, on_damage: Callable[[], None] = lambda: None, skip_before: int | None = None
    ) -> Iterator[av.VideoFrame]:
        """Yield the pictures that decode, in presentation order; call `on_damage` for what does not.

        Before the time `skip_before` those that no other one is made from may be left out.
        """
        for packet in packets(self.container, self.stream):
            if skip_before is not None:
                early = packet.pts is not None and packet.pts < skip_before
                self.decoder.skip_frame = "NONREF" if early else "DEFAULT"
            yield from self.decode(packet, on_damage)

    def decode(
        self, packet: av.Packet[VideoStream], on_damage: Callable[[], None] = lambda: None
    ) -> list[av.VideoFrame]:
        """Return the pictures that come out when a packet goes in; an empty one brings out the last."""
        try:
            return self.decoder.decode(packet if packet.size else None)
        except av.EOFError:
            pass
        except av.FFmpegError:
            on_damage()
        return []

    def timestamp(self, frame: av.VideoFrame) -> int | None:
        """Return a picture's time in the stream's time base; None where the file does not say.

        In AVI the times of the packets that were read when a picture came out are in order.
        """
        return frame.dts if self.is_avi else frame.pts


@contextmanager
def open_film(path: Path, threads: str = "AUTO") -> Iterator[Film]:
    """Open a video file and its picture track, ready to decode.

    Raises:
        UnreadableVideo: it cannot be opened, or has no picture that can be decoded.
    """
    with open_container(path) as container:
        stream = _picture_of(container, path.name)
        yield Film(container, stream, _decoder_of(stream, threads))


def pictures_of(container: InputContainer) -> list[VideoStream]:
    """Return the picture tracks: no covers, stills or thumbnails."""
    return [stream for stream in container.streams.video if not stream.disposition & _NOT_FILM]


def _picture_of(container: InputContainer, name: str) -> VideoStream:
    """Return the picture that players show: the default one, of several the largest."""
    streams = pictures_of(container)
    if not streams:
        sound = " (it has only sound)" if container.streams.audio else ""
        raise UnreadableVideo(f"{name} has no picture{sound}; a video is needed")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise UnreadableVideo(f"the picture of {name} is coded in a way that cannot be decoded here")

    def rank(stream: VideoStream) -> tuple[bool, int]:
        size = stream.codec_context.width * stream.codec_context.height
        return bool(stream.disposition & Disposition.default), size

    return max(known, key=rank)


def _decoder_of(stream: VideoStream, threads: str) -> VideoCodecContext:
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    name = _ALPHA_DECODERS.get(stream.codec_context.codec.canonical_name)
    if tags.get("alpha_mode") == "1" and name:
        decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
        decoder.extradata = stream.codec_context.extradata
        return decoder
    decoder = stream.codec_context
    decoder.thread_type = threads
    return decoder


def sounds_of(container: InputContainer) -> list[AudioStream]:
    """Return the sound tracks, the one that players choose first."""
    return sorted(container.streams.audio, key=lambda s: not s.disposition & Disposition.default)


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
    return f"{path.name} is not a video that can be read; mp4, mov, mkv, webm, avi, gif and the like are"
