"""The sound of one file, encoded again beside a picture that is being written."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from vos.video.open import open_container, packets, sounds_of

SoundCodec = Literal["aac", "libopus"]
Samples = NDArray[np.float32]  # (channels, samples), -1..1

_AAC_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # that browsers play; others become 48000
_BIT_RATE = 128_000
_JITTER_S = Fraction(1, 50)  # containers round times to milliseconds; beyond this it is a gap


@dataclass(frozen=True)
class Sound:
    """The sound track of a clip: its file, its number there, its codec, and how it is written again.

    `origin_s` is the time of the first picture on the file's own clock.
    """

    path: Path
    track: int
    codec: str
    rate: int
    layout: str
    origin_s: Fraction


def find_sound(path: Path, origin_s: Fraction) -> tuple[Sound | None, tuple[str, ...]]:
    """Return the sound that players choose among those that decode, and notes about what is left out."""
    with open_container(path) as container:
        tracks = [stream.index for stream in sounds_of(container)]
    for track in tracks:
        with open_container(path) as container:
            stream = container.streams[track]
            assert isinstance(stream, av.AudioStream)
            if stream.codec_context is None or not _decodes(container, stream):
                continue
            layout = "mono" if stream.channels == 1 else "stereo"
            codec = stream.codec_context.codec.canonical_name
            return Sound(path, track, codec, stream.rate, layout, origin_s), ()
    return None, (("its sound cannot be decoded and is left out",) if tracks else ())


def _decodes(container: InputContainer, stream: av.AudioStream) -> bool:
    for packet in packets(container, stream):
        try:
            if packet.decode():
                return True
        except av.FFmpegError:
            continue
    return False


class SoundTrack:
    """The sound track of a file being written; encoding, as a copy of damaged AAC stops playback.

    Time 0 is the first picture of the source: earlier sound is cut, a later start and every gap
    become silence, overlaps are dropped, so that sound and picture cannot drift apart.
    """

    def __init__(self, target: OutputContainer, source: Sound, codec: SoundCodec = "aac") -> None:
        self._rate = source.rate if source.rate in _AAC_RATES and codec == "aac" else 48_000
        self._layout = source.layout
        self._target = target
        self._stream = target.add_stream(codec, rate=self._rate, layout=self._layout)
        self._stream.bit_rate = _BIT_RATE
        self._blocks = _blocks(replace(source, rate=self._rate))
        self._rest = np.zeros((self._stream.channels, 0), np.float32)
        self._written = 0

    def write_until(self, time_s: Fraction) -> None:
        """Encode the sound from where it stands up to this time."""
        end = round(time_s * self._rate)
        while self._written < end:
            if not self._rest.shape[1]:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._rest = block
            part, self._rest = np.split(self._rest, [end - self._written], axis=1)
            self._encode(part)

    def finish(self, end_s: Fraction) -> None:
        """Encode the sound up to the end of the picture, and what the encoder still holds."""
        self.write_until(end_s)
        if self._written:
            self._target.mux(self._stream.encode(None))

    def close(self) -> None:
        """Stop reading the source."""
        self._blocks.close()

    def _encode(self, samples: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._written
        self._written += samples.shape[1]
        self._target.mux(self._stream.encode(frame))


def _blocks(source: Sound) -> Generator[Samples, None, None]:
    """Yield the sound without a hole from the first picture on."""
    channels = 1 if source.layout == "mono" else 2
    done = 0
    for frame in _resampled(source):
        block = frame.to_ndarray().astype(np.float32, copy=False)
        if frame.pts is not None and frame.time_base is not None:
            ahead = round((frame.pts * frame.time_base - source.origin_s) * source.rate) - done
            if done == 0 or abs(ahead) > _JITTER_S * source.rate:
                while ahead > 0:
                    silence = np.zeros((channels, min(ahead, source.rate)), np.float32)
                    ahead -= silence.shape[1]
                    done += silence.shape[1]
                    yield silence
                block = block[:, -ahead:]
        done += block.shape[1]
        if block.shape[1]:
            yield block


def _resampled(source: Sound) -> Iterator[av.AudioFrame]:
    """Decode a sound track past damage; float, at the rate and layout it is written with."""
    with open_container(source.path) as container:
        stream = container.streams[source.track]
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler("fltp", source.layout, source.rate)
        for packet in packets(container, stream):
            try:
                for frame in packet.decode():
                    try:
                        yield from resampler.resample(frame)
                    except ValueError:  # the rate or the layout changed mid-stream
                        resampler = av.AudioResampler("fltp", source.layout, source.rate)
                        yield from resampler.resample(frame)
            except av.FFmpegError:
                continue
        yield from resampler.resample(None)
