"""Writing: what goes in comes out, at its time, with its sound; whole or not at all."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.video import make
from vos.errors import InvalidInput
from vos.video.read import open_clip, probe
from vos.video.write import VideoWriter, plays_in_browsers, thumbnail

TEN = Fraction(10)


def write(path, times, *, fps=TEN, size_hw=(48, 64), last=0, audio=None):
    with VideoWriter(path, size_hw, fps=fps, audio=audio) as writer:
        for number, pts in enumerate(times):
            writer.add(make.numbered(number, *size_hw), pts, last if pts == times[-1] else 0)
    return path


def tone_at(path):
    """Return the time at which the click in a file begins, on its picture's clock."""
    samples, start_s = make.heard(path)
    return start_s + float(np.argmax(np.abs(samples) > 0.2)) / 48_000


def test_frames_out_are_frames_in(tmp_path):
    path = write(tmp_path / "out.mp4", [9000 * i for i in range(30)])
    assert [make.number_of(frame) for frame in open_clip(path)] == list(range(30))
    info = probe(path)
    assert (info.codec, info.profile, info.pixel_format, info.container) == ("h264", "High", "yuv420p", "mp4")
    assert (info.frames, info.fps, info.duration_s, info.size_hw) == (30, 10, 3.0, (48, 64))
    assert plays_in_browsers(info)


@pytest.mark.parametrize(
    "times",
    [
        [0],
        [0, 3003, 6006, 9009],
        [0, 1, 2, 90_000],
        [0, 3600, 7200, 18_000, 18_900, 45_000, 90_000, 93_600],
    ],
)
def test_times_are_kept_to_the_tick(tmp_path, times):
    path = write(tmp_path / "out.mp4", times, last=4321)
    timed = list(open_clip(path).timed())
    assert [t.pts for t in timed] == times
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(times[-1] + 4321, 90_000)
        assert stream.start_time == 0


def test_the_last_frame_lasts_one_step_unless_told(tmp_path):
    with av.open(str(write(tmp_path / "out.mp4", [0, 9000, 18_000]))) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(3, 10)


@pytest.mark.parametrize("size_hw", [(47, 64), (48, 63), (17, 19), (2, 2), (1, 1)])
def test_odd_sizes_are_padded_with_their_edge(tmp_path, size_hw):
    height, width = size_hw
    frame = np.full((*size_hw, 3), 40, np.uint8)
    frame[-1], frame[:, -1] = 220, 220
    with VideoWriter(tmp_path / "odd.mp4", size_hw, fps=TEN) as writer:
        writer.add(frame, 0)
    (out,) = open_clip(tmp_path / "odd.mp4")
    assert out.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(out[-1].astype(int) - 220).max() < 12
    assert np.abs(out[:, -1].astype(int) - 220).max() < 12


def test_colours_come_back_and_are_named(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (10, 200, 100)]
    frame = np.repeat(np.array(colours, np.uint8), 16, axis=0)[None].repeat(32, axis=0)
    with VideoWriter(tmp_path / "c.mp4", (32, 96), fps=TEN) as writer:
        writer.add(frame, 0)
    (out,) = open_clip(tmp_path / "c.mp4")
    assert np.abs(out[16, 8::16].astype(int) - np.array(colours)).max() <= 4
    with av.open(str(tmp_path / "c.mp4")) as container:
        picture = next(container.decode(video=0))
        tags = picture.colorspace, picture.color_range, picture.color_primaries, picture.color_trc
        assert [int(tag) for tag in tags] == [1, 1, 1, 1]


def test_the_index_comes_first(tmp_path):
    data = write(tmp_path / "out.mp4", [0, 9000]).read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_nothing_is_left_after_an_exception(tmp_path, error):
    sound = make.write_clip(tmp_path / "in.mp4", sound=make.click(0.5, 1.2))
    before = write(tmp_path / "out.mp4", [0]).read_bytes()

    def fail():
        with VideoWriter(tmp_path / "out.mp4", (48, 64), fps=TEN, audio=open_clip(sound).audio) as writer:
            writer.add(make.numbered(0), 0)
            writer.add(make.numbered(1), 9000)
            raise error

    with pytest.raises(error):
        fail()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == before


def test_a_video_without_frames_is_refused_and_leaves_nothing(tmp_path):
    with (
        pytest.raises(InvalidInput, match="no frame was written to out"),
        VideoWriter(tmp_path / "out.mp4", (48, 64), fps=TEN),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    with VideoWriter(tmp_path / "out.mp4", (48, 64), fps=TEN) as writer:
        writer.add(make.numbered(0), 0)
        assert not (tmp_path / "out.mp4").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv", "in.mov"])
@pytest.mark.parametrize("late_s", [Fraction(0), Fraction(1, 2), Fraction(-1, 4)])
def test_sound_stays_with_the_picture(tmp_path, name, late_s):
    # The picture runs from 0.5 s on the file's clock, the sound from 0.5 s + late_s.
    source = make.write_clip(
        tmp_path / name,
        frames=30,
        times=range(500, 3500, 100),
        time_base=Fraction(1, 1000),
        sound=make.click(0.8, 4.0),
        sound_at_s=Fraction(1, 2) + late_s,
    )
    clip = open_clip(source)
    with VideoWriter(tmp_path / "out.mp4", (48, 64), fps=TEN, audio=clip.audio) as writer:
        for timed in clip.timed():
            writer.add(timed.frame, timed.pts, timed.duration)
    assert tone_at(tmp_path / "out.mp4") == pytest.approx(0.8 + float(late_s), abs=0.003)


def test_sound_ends_with_the_picture(tmp_path):
    source = make.write_clip(tmp_path / "in.mp4", sound=make.click(0.5, 3.0))
    path = write(tmp_path / "out.mp4", [9000 * i for i in range(12)], audio=open_clip(source).audio)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.layout.name) == ("aac", 48_000, "mono")
        assert float(stream.duration * stream.time_base) == pytest.approx(1.2, abs=0.001)
        assert stream.start_time == 0


def test_a_short_sound_stays_short(tmp_path):
    source = make.write_clip(tmp_path / "in.mp4", frames=5, sound=make.click(0.1, 0.5))
    path = write(tmp_path / "out.mp4", [9000 * i for i in range(40)], audio=open_clip(source).audio)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(0.5, abs=0.05)
    assert probe(path).duration_s == 4.0


def test_a_hole_in_the_sound_becomes_silence_and_not_a_shift(tmp_path):
    source = make.write_clip(tmp_path / "in.mkv", "mjpeg", "yuvj420p", frames=40, sound=make.click(3.0, 4.0))
    with av.open(str(source)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for start, size in places[40:80]:
        data[start : start + size] = b"\xff" * size
    source.write_bytes(data)
    path = write(tmp_path / "out.mp4", [9000 * i for i in range(40)], audio=open_clip(source).audio)
    assert tone_at(path) == pytest.approx(3.0, abs=0.025)


@pytest.mark.parametrize(
    ("codec", "rate", "layout", "container"),
    [
        ("pcm_s16le", 8000, "mono", "avi"),
        ("pcm_s16le", 96_000, "stereo", "mov"),
        ("libopus", 48_000, "5.1", "mkv"),
        ("libmp3lame", 44_100, "stereo", "mp4"),
    ],
)
def test_every_sound_becomes_aac_of_one_or_two_channels(tmp_path, codec, rate, layout, container):
    source = tmp_path / f"in.{container}"
    with av.open(str(source), "w") as target:
        picture = target.add_stream("mpeg4", rate=10)
        picture.width, picture.height = 64, 48
        stream = target.add_stream(codec, rate=rate, layout=layout)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(make.numbered(number))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            target.mux(picture.encode(frame))
        tone = 0.5 * np.sin(np.arange(2 * rate) * 2 * np.pi * 440 / rate, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(np.tile(tone, (stream.channels, 1)), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        target.mux([*picture.encode(), *stream.encode(frame), *stream.encode()])
    make.write_copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as made:
        stream = made.streams.audio[0]
        assert stream.codec_context.name == "aac"
        assert stream.rate == (44_100 if rate == 44_100 else 48_000)
        assert stream.layout.name == ("mono" if layout == "mono" else "stereo")
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0, abs=0.06)
    samples, _ = make.heard(tmp_path / "out.mp4")
    loud = np.abs(np.fft.rfft(samples[4800:52_800][:44_100]))
    assert np.argmax(loud) * (44_100 if rate == 44_100 else 48_000) / 44_100 == pytest.approx(440, abs=2)


def test_a_copy_for_the_browser_keeps_frames_times_and_sound(tmp_path):
    times = [0, 40, 80, 200, 500, 1000]
    source = make.write_clip(
        tmp_path / "in.mkv",
        "libvpx-vp9",
        frames=6,
        times=times,
        time_base=Fraction(1, 1000),
        rotation=0,
        sound=make.click(0.6, 1.0),
    )
    assert not plays_in_browsers(probe(source))
    make.write_copy(source, tmp_path / "out.mp4")
    clip = open_clip(tmp_path / "out.mp4")
    assert plays_in_browsers(clip.info)
    assert [(t.pts, make.number_of(t.frame)) for t in clip.timed()] == [
        (90 * t, i) for i, t in enumerate(times)
    ]
    assert tone_at(tmp_path / "out.mp4") == pytest.approx(0.6, abs=0.003)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "rotation", "plays"),
    [
        ("a.mp4", "libx264", "yuv420p", 0, True),
        ("a.mov", "libx264", "yuv420p", 0, False),
        ("a.mp4", "libx264", "yuv444p", 0, False),
        ("a.mp4", "libx264", "yuv420p", 90, False),
        ("a.mp4", "mpeg4", "yuv420p", 0, False),
    ],
)
def test_what_browsers_play_is_known(tmp_path, name, codec, pix_fmt, rotation, plays):
    path = make.write_clip(tmp_path / name, codec, pix_fmt, rotation=rotation)
    assert plays_in_browsers(probe(path)) is plays


def test_thumbnails_fit_and_keep_their_shape():
    frame = make.numbered(0b00001111, 100, 400)
    image = Image.open(io.BytesIO(thumbnail(frame, 80)))
    assert (image.format, image.size) == ("JPEG", (80, 20))
    assert image.getpixel((10, 10)) > (240, 240, 240)
    assert image.getpixel((70, 10)) < (15, 15, 15)
    small = Image.open(io.BytesIO(thumbnail(frame, 1000)))
    assert small.size == (400, 100)


@pytest.mark.skipif(
    not (Path(__file__).parents[2] / "../shared/data/clips").exists(),
    reason="the clips of ../shared are not here",
)
def test_the_sound_of_a_real_clip_stays_with_it(tmp_path):
    source = Path(__file__).parents[2] / "../shared/data/clips/01_dog.mp4"
    times = [3003 * i for i in range(289)]
    path = write(tmp_path / "out.mp4", times, fps=Fraction(30000, 1001), audio=open_clip(source).audio)
    before, _ = make.heard(source)
    after, start_s = make.heard(path)
    assert start_s == 0
    length = min(len(before), len(after))
    assert length / 48_000 > 9.6
    for part in (slice(48_000, 96_000), slice(length - 96_000, length - 48_000)):
        spectrum = np.fft.rfft(before[part]) * np.conj(np.fft.rfft(after[part]))
        lag = int(np.argmax(np.fft.irfft(spectrum)))
        assert min(lag, 48_000 - lag) <= 2  # samples
