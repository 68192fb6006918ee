"""The sound of one file, encoded again beside a picture that is being written."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from vos.video.open import container_of, packets, start_s

SoundCodec = Literal["aac", "libopus"]
Samples = NDArray[np.float32]  # (channels, samples), -1..1

_AAC_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # that browsers play; others become 48000
_BIT_RATE = 128_000
_JITTER_S = Fraction(1, 50)  # containers round times to milliseconds; beyond this it is a gap


class SoundTrack:
    """The sound track of a file being written; encoding, as a copy of damaged AAC stops playback.

    Time 0 is the first picture of the source: earlier sound is cut, a later start and every gap
    become silence, overlaps are dropped, so that sound and picture cannot drift apart.
    """

    def __init__(self, target: OutputContainer, source: Path, codec: SoundCodec = "aac") -> None:
        with container_of(source) as container:
            stream = container.streams.audio[0]
            self._rate = stream.rate if stream.rate in _AAC_RATES and codec == "aac" else 48_000
            self._layout = "mono" if stream.channels == 1 else "stereo"
        self._target = target
        self._stream = target.add_stream(codec, rate=self._rate, layout=self._layout)
        self._stream.bit_rate = _BIT_RATE
        self._blocks = _blocks(source, self._rate, self._layout)
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


def _blocks(source: Path, rate: int, layout: str) -> Generator[Samples, None, None]:
    """Yield the sound without a hole from the first picture on."""
    origin_s = start_s(source)
    channels = 1 if layout == "mono" else 2
    done = 0
    for frame in _resampled(source, rate, layout):
        block = frame.to_ndarray().astype(np.float32, copy=False)
        if frame.pts is not None and frame.time_base is not None:
            ahead = round((frame.pts * frame.time_base - origin_s) * rate) - done
            if done == 0 or abs(ahead) > _JITTER_S * rate:
                while ahead > 0:
                    silence = np.zeros((channels, min(ahead, rate)), np.float32)
                    ahead -= silence.shape[1]
                    done += silence.shape[1]
                    yield silence
                block = block[:, -ahead:]
        done += block.shape[1]
        if block.shape[1]:
            yield block


def _resampled(source: Path, rate: int, layout: str) -> Iterator[av.AudioFrame]:
    """Decode the first sound stream past damage; float, at this rate and layout."""
    with container_of(source) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("fltp", layout, rate)
        for packet in packets(container, stream):
            try:
                for frame in packet.decode():
                    try:
                        yield from resampler.resample(frame)
                    except ValueError:  # the rate or the layout changed mid-stream
                        resampler = av.AudioResampler("fltp", layout, rate)
                        yield from resampler.resample(frame)
            except av.FFmpegError:
                continue
        yield from resampler.resample(None)
