"""Writing films, by default H.264 MP4 that browsers play: whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from vos.errors import InvalidInput
from vos.types import Frame, VideoInfo
from vos.video.picture import TICKS
from vos.video.sound import Sound, SoundCodec, SoundTrack

# Superfast gives the colours of an overlay back well, and is the slowest preset that leaves the processor to
# the networks; ultrafast has no High profile (docs/experiments.md). B frames save a little and cost a
# reordering delay. Two threads encode behind the network.
_OPTIONS = {"preset": "superfast", "crf": "20", "bf": "0", "threads": "2", "profile": "high"}
_KEYFRAME_S = 2  # a player that is dragged to a time decodes at most this much


@dataclass(frozen=True)
class Encoding:
    """How a film is written: FFmpeg's names of its container, encoders and pixel format, and their options.

    `even`: the pixel format has even sizes only. A pixel format with alpha takes frames (H, W, 4).
    """

    container: str
    codec: str
    pixel_format: str
    options: Mapping[str, str]
    sound: SoundCodec = "aac"
    even: bool = False
    muxer: Mapping[str, str] = field(default_factory=dict)


H264 = Encoding("mp4", "libx264", "yuv420p", _OPTIONS, even=True, muxer={"movflags": "+faststart"})


class VideoWriter:
    """Writes frames, BT.709, with the timestamps they are given, and the sound of a clip.

    A context manager: the file appears under its name, complete, on a clean exit, and not at all after
    an exception. An odd width or height is padded, where the encoding asks for it, with a copy of the
    last column or row.

    Raises:
        InvalidInput: on exit, when no frame was added.
    """

    def __init__(
        self,
        path: Path,
        size_hw: tuple[int, int],
        *,
        fps: Fraction,
        audio: Sound | None = None,
        encoding: Encoding = H264,
    ) -> None:
        self._path = path
        self._part = path.with_name(f".{secrets.token_hex(8)}.part")
        self._size_hw = size_hw
        self._frame_ticks = max(1, round(TICKS / fps))
        self._fps = fps
        self._audio = audio
        self._encoding = encoding
        has_alpha = encoding.pixel_format.startswith("yuva")
        self._pixels, self._shape = ("rgba", (*size_hw, 4)) if has_alpha else ("rgb24", (*size_hw, 3))
        self._end = 0  # 1/90000 s at which the last frame added ends
        self._last = -1

    def __enter__(self) -> Self:
        encoding = self._encoding
        with ExitStack() as stack:
            stack.callback(self._part.unlink, missing_ok=True)
            self._container = stack.enter_context(
                av.open(str(self._part), "w", format=encoding.container, options=dict(encoding.muxer))
            )
            self._add_stream()
            self._sound = None
            if self._audio:
                self._sound = SoundTrack(self._container, self._audio, encoding.sound)
                stack.callback(self._sound.close)
            self._stack = stack.pop_all()
        return self

    def add(self, frame: Frame, pts: int, duration: int = 0) -> None:
        """Write one frame, uint8 (H, W, 3) RGB or RGBA, at `pts`; both times in 1/90000 s, `pts` growing.

        It is shown until the next one; the last one for its duration, 0 standing for 1/fps.
        """
        assert frame.shape == self._shape, f"{frame.shape} is not {self._shape}"
        assert pts > self._last, f"time {pts} is not after {self._last}"
        picture = self._to_yuv.reformat(
            av.VideoFrame.from_numpy_buffer(self._padded(frame), format=self._pixels),
            format=self._encoding.pixel_format,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.pts = pts
        picture.time_base = Fraction(1, TICKS)
        self._last = pts
        self._end = pts + (duration or self._frame_ticks)
        self._mux(picture)
        if self._sound:
            self._sound.write_until(Fraction(pts, TICKS))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if kind is not None:
                return
            if self._last < 0:
                raise InvalidInput(f"no frame was written to {self._path.name}; at least one is needed")
            self._mux(None)
            if self._sound:
                self._sound.finish(Fraction(self._end, TICKS))
            self._container.close()
            os.replace(self._part, self._path)

    def _add_stream(self) -> None:
        encoding = self._encoding
        options = dict(encoding.options)
        stream = self._container.add_stream(encoding.codec, rate=self._fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = (n + n % 2 if encoding.even else n for n in self._size_hw)
        stream.pix_fmt = encoding.pixel_format
        codec = stream.codec_context
        codec.time_base = Fraction(1, TICKS)
        codec.gop_size = max(1, round(_KEYFRAME_S * self._fps))
        codec.colorspace = Colorspace.ITU709
        codec.color_range = ColorRange.MPEG
        codec.color_primaries = ColorPrimaries.BT709
        codec.color_trc = ColorTrc.BT709
        self._stream = stream
        self._to_yuv = VideoReformatter()

    def _padded(self, frame: Frame) -> Frame:
        return _even(frame) if self._encoding.even else np.ascontiguousarray(frame)

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            # Without B frames packets come in the order of time: only the last one's duration counts.
            packet.duration = self._end - packet.pts if packet.pts == self._last else 0
            self._container.mux(packet)


def plays_in_browsers(info: VideoInfo) -> bool:
    """Say whether browsers play the file itself: 8-bit H.264 4:2:0 in an upright MP4, sound they know.

    And whether they show what is read: one picture track, whole pictures, colours that are not HDR.
    """
    picture = info.container == "mp4" and info.codec == "h264" and info.pixel_format == "yuv420p"
    alike = info.pictures == 1 and not info.interlaced and info.transfer not in ("hlg", "pq")
    return picture and alike and info.rotation == 0 and info.audio_codec in ("", "aac", "mp3")


def thumbnail(frame: Frame, max_side: int) -> bytes:
    """Return a frame, uint8 (H, W, 3) RGB, as JPEG with its longer side at most `max_side`."""
    image = Image.fromarray(frame)
    image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _even(frame: Frame) -> Frame:
    """Repeat the last row and column where the size is odd; H.264 4:2:0 has even sizes only."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)
