"""Clips made at test time: every frame carries its number as eight black and white stripes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vos.video.read import open_clip
from vos.video.write import VideoWriter

X265 = "log-level=none:pools=none:frame-threads=1"  # quiet, and the same bytes every time

# name of the file -> encoder, pixel format, encoder options (short groups of pictures, B frames)
CODECS = {
    "h264.mp4": ("libx264", "yuv420p", {"g": "8", "bf": "2"}),
    "h264-open-gop.mp4": (
        "libx264",
        "yuv420p",
        {"x264-params": "keyint=8:min-keyint=8:open-gop=1:bframes=3"},
    ),
    "h264-refresh.mp4": ("libx264", "yuv420p", {"x264-params": "keyint=8:intra-refresh=1:bframes=2"}),
    "h264.mov": ("libx264", "yuv444p", {"g": "8"}),
    "h264.avi": ("libx264", "yuv420p", {"g": "8", "bf": "2"}),
    "hevc.mp4": ("libx265", "yuv420p", {"x265-params": f"keyint=8:open-gop=1:{X265}"}),
    "hevc10.mkv": ("libx265", "yuv420p10le", {"x265-params": f"keyint=8:{X265}"}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"g": "8", "deadline": "realtime", "cpu-used": "8"}),
    "av1.mkv": ("libsvtav1", "yuv420p", {"g": "8", "preset": "12"}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"g": "8", "bf": "2"}),
    "gif.gif": ("gif", "rgb8", {}),
}


def numbered(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Return a frame with stripes for the bits of a number, the lowest bit on the left."""
    bits = number >> (np.arange(width) * 8 // width) & 1
    return np.ascontiguousarray(
        np.broadcast_to((bits * 255)[None, :, None], (height, width, 3)).astype(np.uint8)
    )


def number_of(frame: np.ndarray) -> int:
    """Read the number off the middle of each stripe."""
    height, width = frame.shape[:2]
    middles = (np.arange(8) * 2 + 1) * width // 16
    return int(((frame[height // 2, middles].mean(-1) > 127) << np.arange(8)).sum())


def write_clip(
    path: Path,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    *,
    frames: Sequence[np.ndarray] | int = 12,
    rate: Fraction = Fraction(10),
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    size_hw: tuple[int, int] = (48, 64),
    rotation: int = 0,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    tags: tuple[int, int] | None = None,
    sound: np.ndarray | None = None,
    sound_at_s: Fraction = Fraction(0),
    muxer: dict[str, str] | None = None,
) -> Path:
    """Encode frames (or so many numbered ones) at `times` in `time_base` (default: one a frame).

    `tags` are (Colorspace, ColorRange). `sound` is float32 (1, samples) at 48 kHz.
    """
    if isinstance(frames, int):
        frames = [numbered(i, *size_hw) for i in range(frames)]
    time_base = time_base or 1 / rate
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pix_fmt
        stream.codec_context.time_base = time_base
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if tags:
            stream.codec_context.colorspace, stream.codec_context.color_range = tags
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        track = container.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        for time, image in zip(times or range(len(frames)), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(image)
            if tags:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=tags[0], dst_color_range=tags[1])
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track:
            heard = av.AudioFrame.from_ndarray(sound, "fltp", "mono")
            heard.sample_rate, heard.time_base = 48_000, Fraction(1, 48_000)
            heard.pts = round(sound_at_s * 48_000)
            container.mux(track.encode(heard))
            container.mux(track.encode())
    return path


def write_codec(folder: Path, name: str, frames: int = 40) -> Path:
    """Write a clip of numbered frames with one of CODECS."""
    codec, pix_fmt, options = CODECS[name]
    return write_clip(folder / name, codec, pix_fmt, options, frames=frames)


def click(at_s: float, length_s: float) -> np.ndarray:
    """Return silence at 48 kHz with a 1 kHz tone of 20 ms at a time."""
    samples = np.zeros((1, round(length_s * 48_000)), np.float32)
    start = round(at_s * 48_000)
    samples[0, start : start + 960] = 0.8 * np.sin(np.arange(960) * 2 * np.pi * 1000 / 48_000)
    return samples


def heard(path: Path) -> tuple[np.ndarray, float]:
    """Return a file's sound as (samples,) float and the time of its first sample in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        return np.concatenate([f.to_ndarray()[0] for f in frames]), float(frames[0].pts * frames[0].time_base)


def write_copy(source, target):
    """Write a copy of a clip that browsers play, as a run writes the one of a result."""
    clip = open_clip(source)
    with VideoWriter(target, clip.info.size_hw, fps=clip.info.fps, audio=clip.audio) as writer:
        for timed in clip.timed():
            writer.add(timed.frame, timed.pts, timed.duration)
