"""Reading: every codec, the same frames by every way in, upright, in the right colours and times."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from tests.video import make
from vos.errors import InvalidInput
from vos.video.read import open_clip, probe

CLIPS = Path(__file__).parents[2] / "../shared/data/clips"


def numbers(frames):
    return [make.number_of(frame) for frame in frames]


@pytest.fixture(scope="module", params=make.CODECS)
def clip_file(request, tmp_path_factory):
    return make.write_codec(tmp_path_factory.mktemp("codecs"), request.param)


def test_every_codec_gives_every_frame_in_order(clip_file):
    clip = open_clip(clip_file)
    assert numbers(clip) == list(range(40))
    assert clip.warnings == ()


def test_every_codec_keeps_its_timestamps(clip_file):
    assert [timed.pts for timed in open_clip(clip_file).timed()] == [9000 * i for i in range(40)]


def test_every_codec_is_probed_right(clip_file):
    info = probe(clip_file)
    names = {"h264": "h264", "hevc": "hevc", "hevc10": "hevc", "vp9": "vp9", "av1": "av1"}
    codec = clip_file.stem.split("-")[0]
    assert (info.codec, info.container) == (names.get(codec, codec), clip_file.suffix[1:])
    assert (info.width, info.height, info.frames, info.fps) == (64, 48, 40, 10)
    assert (info.duration_s, info.variable_rate, info.rotation, info.audio_codec) == (4.0, False, 0, "")
    assert info.size_bytes == clip_file.stat().st_size
    assert info.bit_rate == info.size_bytes * 2


def test_reading_backwards_gives_the_same_frames(clip_file, monkeypatch):
    monkeypatch.setattr("vos.video.read._BACKWARDS_BYTES", 64 * 48 * 3 * 7)  # in chunks of 7
    clip = open_clip(clip_file)
    back = list(clip.backwards(37))
    for index, (forward, backward) in enumerate(zip(clip, reversed(back), strict=False)):
        assert np.array_equal(forward, backward), index
    assert len(back) == 38


def test_samples_are_the_frames_of_a_pass_before_and_after_one(clip_file):
    clip, wanted = open_clip(clip_file), [0, 1, 1, 19, 38, 39]
    first = list(clip.sample(wanted))
    whole = list(clip)
    again = list(clip.sample(wanted))
    for index, before, after in zip(wanted, first, again, strict=True):
        assert np.array_equal(before, whole[index])
        assert np.array_equal(after, whole[index])


def test_a_pass_can_start_anywhere(clip_file):
    clip = open_clip(clip_file)
    assert [(t.index, t.pts, make.number_of(t.frame)) for t in clip.timed(38)] == [
        (38, 342_000, 38),
        (39, 351_000, 39),
    ]
    list(clip)
    assert [t.index for t in clip.timed(21)] == list(range(21, 40))


def test_a_frame_that_is_not_there_is_refused(clip_file):
    clip = open_clip(clip_file)
    with pytest.raises(InvalidInput, match="frame 40 is outside"):
        list(clip.sample([39, 40]))
    with pytest.raises(InvalidInput, match="frame 41 is outside"):
        list(clip.backwards(41))
    with pytest.raises(InvalidInput, match="ascending"):
        clip.sample([3, 2])


@pytest.mark.parametrize("name", ["h264.mp4", "h264-open-gop.mp4", "hevc.mp4"])
def test_reading_backwards_survives_seeks_that_land_anywhere(tmp_path, monkeypatch, name):
    path = make.write_codec(tmp_path, name)
    monkeypatch.setattr("vos.video.read._BACKWARDS_BYTES", 64 * 48 * 3 * 7)
    clip = open_clip(path)
    list(clip)
    for target in (lambda raw: raw // 2, lambda raw: 10**9):
        monkeypatch.setattr(
            "vos.video.open.Film.seek",
            lambda film, raw, target=target: film.container.seek(target(raw), stream=film.stream),
        )
        assert numbers(open_clip(path).backwards(39)) == list(range(39, -1, -1))
        assert numbers(clip.backwards(39)) == list(range(39, -1, -1))


# A frame whose corners say where they went.
def corners(height=48, width=64):
    frame = np.full((height, width, 3), 128, np.uint8)
    frame[: height // 2, : width // 2] = (255, 0, 0)
    frame[: height // 2, width // 2 :] = (0, 255, 0)
    frame[height // 2 :, : width // 2] = (0, 0, 255)
    return frame


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_and_mirrored_clips_come_out_upright(tmp_path, rotation, mirrored):
    path = make.write_clip(
        tmp_path / "turned.mp4",
        options={"crf": "5"},
        frames=[corners()],
        rotation=rotation,
        mirrored=mirrored,
    )
    wanted = np.rot90(corners(), rotation // 90)
    wanted = wanted[:, ::-1] if mirrored else wanted
    clip = open_clip(path)
    (frame,) = clip
    assert frame.shape == wanted.shape == (*clip.info.size_hw, 3)
    assert frame.flags.c_contiguous
    for y, x in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        at = round(y * frame.shape[0]), round(x * frame.shape[1])
        assert np.abs(frame[at].astype(int) - wanted[at]).max() < 8
    if not mirrored:
        assert clip.info.rotation % 360 == rotation


@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("matrix", [Colorspace.ITU709, Colorspace.ITU601, Colorspace.BT2020])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_colours_come_back(tmp_path, matrix, color_range, pix_fmt):
    path = make.write_clip(
        tmp_path / "c.mkv",
        "libx265" if pix_fmt.endswith("10le") else "libx264",
        pix_fmt,
        {"crf": "2", "x265-params": make.X265} if pix_fmt.endswith("10le") else {"crf": "2"},
        frames=[corners()],
        tags=(matrix, color_range),
    )
    (frame,) = open_clip(path)
    for at in ((12, 16), (12, 48), (36, 16), (36, 48)):
        assert np.abs(frame[at].astype(int) - corners()[at]).max() <= 4, at


def test_wide_pixels_become_square(tmp_path):
    path = make.write_clip(tmp_path / "wide.mp4", frames=3, aspect=Fraction(3, 2))
    assert open_clip(path).info.size_hw == (48, 96)
    assert numbers(open_clip(path)) == [0, 1, 2]
    narrow = make.write_clip(tmp_path / "narrow.mp4", frames=3, aspect=Fraction(2, 3))
    assert open_clip(narrow).info.size_hw == (72, 64)


def test_odd_sizes_are_kept(tmp_path):
    path = make.write_clip(tmp_path / "odd.mkv", "libvpx-vp9", options={"lossless": "1"}, size_hw=(37, 51))
    assert {frame.shape for frame in open_clip(path)} == {(37, 51, 3)}
    assert probe(path).size_hw == (37, 51)


def test_a_single_frame_is_a_clip(tmp_path):
    clip = open_clip(make.write_clip(tmp_path / "one.mp4", frames=1, rate=Fraction(25)))
    assert [(t.index, t.pts, t.duration) for t in clip.timed()] == [(0, 0, 3600)]
    assert (clip.info.frames, clip.info.fps, clip.info.duration_s) == (1, 25, 0.04)


def test_gray_is_read_as_gray(tmp_path):
    path = make.write_clip(tmp_path / "gray.mp4", pix_fmt="gray", options={"crf": "2"}, frames=[corners()])
    (frame,) = open_clip(path)
    assert np.abs(frame[36, 48].astype(int) - 128).max() <= 3
    assert np.array_equal(frame[..., 0], frame[..., 2])


def test_transparency_lies_over_black(tmp_path):
    clear = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    solid = Image.new("RGBA", (8, 8), (200, 100, 0, 255))
    solid.paste(clear, (4, 0))
    solid.save(tmp_path / "a.gif")
    (frame,) = open_clip(tmp_path / "a.gif")
    assert frame[4, 1].tolist() == [200, 100, 0]
    assert frame[4, 6].tolist() == [0, 0, 0]


def test_ntsc_rates_are_fractions(tmp_path):
    rate = Fraction(30000, 1001)
    path = make.write_clip(tmp_path / "ntsc.mp4", rate=rate, frames=30)
    assert probe(path).fps == rate
    assert [t.pts for t in open_clip(path).timed()][:3] == [0, 3003, 6006]
    matroska = make.write_clip(tmp_path / "ntsc.mkv", rate=rate, frames=30)
    assert probe(matroska).fps == rate
    assert not probe(matroska).variable_rate


def test_variable_rates_keep_every_time(tmp_path):
    times = [0, 40, 80, 200, 210, 500, 1000, 1040]
    path = make.write_clip(tmp_path / "v.mkv", frames=8, times=times, time_base=Fraction(1, 1000))
    clip = open_clip(path)
    assert [timed.pts for timed in clip.timed()] == [90 * time for time in times]
    assert clip.info.variable_rate


def test_time_starts_at_the_first_frame(tmp_path):
    path = make.write_clip(
        tmp_path / "late.mkv", frames=3, times=[500, 600, 700], time_base=Fraction(1, 1000)
    )
    assert [timed.pts for timed in open_clip(path).timed()] == [0, 9000, 18000]


def test_a_long_last_frame_is_told(tmp_path):
    images = [Image.fromarray(make.numbered(i)) for i in range(3)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=[100, 300, 2000])
    clip = open_clip(tmp_path / "a.gif")
    assert [(t.pts, t.duration) for t in clip.timed()] == [(0, 9000), (9000, 27_000), (36_000, 180_000)]
    assert clip.info.duration_s == 2.4


def test_frames_that_an_edit_list_hides_are_not_read(tmp_path):
    path = make.write_clip(
        tmp_path / "e.mp4",
        frames=12,
        options={"g": "4", "bf": "2"},
        times=range(-3, 9),
        time_base=Fraction(1, 10),
    )
    clip = open_clip(path)
    assert numbers(clip) == list(range(3, 12))
    assert [timed.pts for timed in clip.timed()] == [9000 * i for i in range(9)]
    assert clip.warnings == ()
    assert numbers(clip.sample([0, 8])) == [3, 11]


def test_pictures_that_change_size_are_scaled_to_the_first(tmp_path):
    with av.open(str(tmp_path / "s.webm"), "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=10)
        stream.width, stream.height = 64, 48
        for part, size_hw in enumerate([(48, 64), (96, 128)]):
            encoder = av.CodecContext.create("libvpx-vp9", "w")
            encoder.width, encoder.height, encoder.pix_fmt = size_hw[1], size_hw[0], "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, 10), Fraction(10)
            frames = [av.VideoFrame.from_ndarray(make.numbered(part * 4 + i, *size_hw)) for i in range(4)]
            for i, frame in enumerate(frames):
                frame.pts, frame.time_base = part * 4 + i, Fraction(1, 10)
            for packet in [p for frame in [*frames, None] for p in encoder.encode(frame)]:
                packet.stream = stream
                container.mux(packet)
    clip = open_clip(tmp_path / "s.webm")
    assert numbers(clip) == list(range(8))
    assert {frame.shape for frame in clip} == {(48, 64, 3)}
    assert clip.warnings == ("4 of 8 frames have another size and were scaled to 64x48",)


def test_fragmented_files_have_their_packets_counted(tmp_path):
    muxer = {"movflags": "frag_keyframe+empty_moov"}
    path = make.write_clip(tmp_path / "f.mp4", options={"g": "4"}, muxer=muxer)
    assert probe(path).frames == 12
    assert numbers(open_clip(path)) == list(range(12))


def test_sound_is_named_and_found(tmp_path):
    path = make.write_clip(tmp_path / "s.mp4", sound=make.click(0.5, 1.2))
    clip = open_clip(path)
    assert (clip.info.audio_codec, clip.audio.path) == ("aac", path)
    silent = open_clip(make.write_clip(tmp_path / "silent.mp4"))
    assert silent.audio is None


def test_two_iterations_at_once_do_not_disturb_each_other(tmp_path):
    clip = open_clip(make.write_codec(tmp_path, "h264.mp4"))
    for index, frame in enumerate(clip):
        assert make.number_of(frame) == index
        assert numbers(clip.sample([0, index])) == [0, index]
    assert index == 39


def test_the_digest_is_that_of_the_bytes_whatever_the_name(tmp_path):
    path = make.write_clip(tmp_path / "a.mp4")
    before = open_clip(path).digest()
    renamed = path.rename(tmp_path / "b.mp4")
    assert open_clip(renamed).digest() == before
    assert len(before) == 64
    assert open_clip(make.write_clip(tmp_path / "c.mp4", frames=11)).digest() != before


@pytest.mark.skipif(not CLIPS.exists(), reason="the clips of ../shared are not here")
@pytest.mark.parametrize(
    ("name", "frames", "fps"),
    [
        ("01_dog.mp4", 289, Fraction(30000, 1001)),
        ("05_default_juggle.mp4", 247, Fraction(24)),
        ("19_cyclist.mp4", 241, Fraction(24000, 1001)),
    ],
)
def test_real_clips_are_probed_and_start(name, frames, fps):
    clip = open_clip(CLIPS / name)
    assert (clip.info.frames, clip.info.fps, clip.info.size_hw) == (frames, fps, (720, 1280))
    assert next(iter(clip)).shape == (720, 1280, 3)
