"""Any file that a camera or an editor makes: containers, tracks, alpha, fields, animated pictures."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from tests.video import make
from vos.errors import UnreadableVideo
from vos.video.read import SUFFIXES, open_clip
from vos.video.write import plays_in_browsers

CONTAINERS = {
    "a.ts": ("libx264", "yuv420p", {"bf": "2", "g": "6"}),
    "a.m2ts": ("libx264", "yuv420p", {"bf": "2", "g": "6"}),
    "a.mpg": ("mpeg2video", "yuv420p", {"bf": "2", "g": "6"}),
    "a.wmv": ("wmv2", "yuv420p", {}),
    "a.flv": ("flv", "yuv420p", {}),
    "a.mxf": ("mpeg2video", "yuv420p", {"bf": "2", "g": "6"}),
    "a.3g2": ("mpeg4", "yuv420p", {}),
    "a.nut": ("ffv1", "yuv420p", {}),
    "a.ivf": ("libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    "a.y4m": ("wrapped_avframe", "yuv420p", {}),
    "a.apng": ("apng", "rgb24", {}),
}


def numbers(frames):
    return [make.number_of(frame) for frame in frames]


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_every_frame_by_every_way(tmp_path, name):
    path = make.write_clip(tmp_path / name, *CONTAINERS[name], rate=Fraction(25), frames=20)
    clip = open_clip(path)
    assert numbers(clip) == list(range(20))
    assert [timed.pts for timed in clip.timed()] == [3600 * i for i in range(20)]
    assert clip.info.frames == 20
    assert clip.warnings == ()
    again = open_clip(path)
    assert numbers([again.frame_at(i) for i in (17, 3, 16, 0)]) == [17, 3, 16, 0]
    assert path.suffix[1:] in SUFFIXES


def test_an_animated_webp_is_a_clip(tmp_path):
    images = [Image.fromarray(make.numbered(i)) for i in range(4)]
    images[0].save(
        tmp_path / "a.webp",
        save_all=True,
        append_images=images[1:],
        duration=[100, 200, 300, 50],
        lossless=True,
    )
    clip = open_clip(tmp_path / "a.webp")
    assert numbers(clip) == [0, 1, 2, 3]
    assert [(t.pts, t.duration) for t in clip.timed()] == [
        (0, 9000),
        (9000, 18_000),
        (27_000, 27_000),
        (54_000, 4500),
    ]
    assert (clip.info.frames, clip.info.duration_s, clip.info.variable_rate) == (4, 0.65, True)
    assert numbers(clip.sample([1, 3])) == [1, 3]


def test_playlists_that_name_other_files_are_refused(tmp_path):
    make.write_clip(tmp_path / "a.mp4")
    (tmp_path / "l.ts").write_text("ffconcat version 1.0\nfile a.mp4\n")
    (tmp_path / "m.ts").write_text("#EXTM3U\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n")
    for name in ("l.ts", "m.ts"):
        with pytest.raises(UnreadableVideo, match="is not a video that can be read"):
            open_clip(tmp_path / name)


def tracks(path, sizes_hw, default=None, disposition=None):
    """Write a file with a picture track a size; track k shows the number k, times 16, plus the frame's."""
    with av.open(str(path), "w") as container:
        streams = []
        for number, (height, width) in enumerate(sizes_hw):
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.disposition = Disposition.default if default in (None, number) else Disposition(0)
            if disposition and number == 0:
                stream.disposition = disposition
            streams.append(stream)
        for number, stream in enumerate(streams):
            for time in range(4):
                image = make.numbered(16 * number + time, stream.height, stream.width)
                frame = av.VideoFrame.from_ndarray(image)
                frame.pts, frame.time_base = time, Fraction(1, 10)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("sizes_hw", "default", "disposition", "chosen"),
    [
        ([(48, 80), (96, 128)], None, None, 1),  # a preview before the film
        ([(96, 128), (48, 80)], None, None, 0),
        ([(96, 128), (48, 80)], 1, None, 1),  # the default one, though it is smaller
        ([(96, 128), (48, 80)], 1, Disposition.attached_pic, 1),
    ],
)
def test_the_picture_track_is_the_one_that_players_choose(tmp_path, sizes_hw, default, disposition, chosen):
    path = tracks(tmp_path / "t.mkv", sizes_hw, default, disposition)
    clip = open_clip(path)
    assert clip.info.size_hw == sizes_hw[chosen]
    assert numbers(clip) == [16 * chosen + i for i in range(4)]


def test_of_several_picture_tracks_browsers_get_the_one_that_is_read(tmp_path):
    path = tracks(tmp_path / "t.mp4", [(48, 80), (96, 128)])
    assert not plays_in_browsers(open_clip(path).info)
    make.write_copy(path, tmp_path / "copy.mp4")
    assert numbers(open_clip(tmp_path / "copy.mp4")) == [16, 17, 18, 19]


def test_the_default_sound_is_kept_and_not_the_first(tmp_path):
    with av.open(str(tmp_path / "s.mkv"), "w") as container:
        picture = container.add_stream("libx264", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        heard = []
        for is_default in (False, True):
            stream = container.add_stream("aac", rate=48_000, layout="mono")
            stream.disposition = Disposition.default if is_default else Disposition(0)
            heard.append(stream)
        for number in range(10):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(make.numbered(number))))
        container.mux(picture.encode())
        for stream, at_s in zip(heard, (2.0, 0.4), strict=True):  # the first one is silent
            frame = av.AudioFrame.from_ndarray(make.click(at_s, 3.0)[:, :48_000].copy(), "fltp", "mono")
            frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), 0
            container.mux([*stream.encode(frame), *stream.encode()])
    make.write_copy(tmp_path / "s.mkv", tmp_path / "copy.mp4")
    samples, start_s = make.heard(tmp_path / "copy.mp4")
    assert start_s + float(np.argmax(np.abs(samples) > 0.2)) / 48_000 == pytest.approx(0.4, abs=0.01)


def test_sound_of_an_unknown_codec_is_left_out_with_a_note(tmp_path):
    path = make.write_clip(tmp_path / "a.mkv", sound=make.click(0.5, 1.2))
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    clip = open_clip(path)
    assert (clip.audio, clip.info.audio_codec) == (None, "")
    assert clip.warnings == ("its sound cannot be decoded and is left out",)
    assert numbers(clip) == list(range(12))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_picture_of_an_unknown_codec_is_refused_in_a_sentence(tmp_path, suffix):
    path = make.write_clip(tmp_path / f"a.{suffix}")
    content = path.read_bytes().replace(b"avc1", b"xyz1").replace(b"V_MPEG4/ISO/AVC", b"V_XXXX4/ISO/AVC")
    path.write_bytes(content)
    with pytest.raises(UnreadableVideo, match=r"^the picture of a\.\w+ is coded in a way that cannot be"):
        open_clip(path)


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libvpx", {"auto-alt-ref": "0"}), ("libvpx-vp9", {"auto-alt-ref": "0"}), ("prores_ks", {})],
)
def test_hidden_pixels_are_black(tmp_path, codec, options):
    path = tmp_path / ("a.mov" if codec == "prores_ks" else "a.webm")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuva444p10le" if codec == "prores_ks" else "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for number in range(20):
            image = np.full((48, 64, 4), 255, np.uint8)
            image[:, 32:, 3] = 0
            image[:24, :32, :3] = 10 * number
            frame = av.VideoFrame.from_ndarray(image, format="rgba")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    clip = open_clip(path)
    for number, frame in enumerate(clip):
        assert frame[36, 16].min() > 240
        assert frame[36, 48].max() < 8
        assert abs(int(frame[12, 16, 0]) - 10 * number) < 6
    assert number == 19
    assert abs(int(open_clip(path).frame_at(15)[12, 16, 0]) - 150) < 6


def combed(number):
    """Return the two fields of a bar that moves, woven; their times are half a frame apart."""
    image = np.zeros((48, 64, 3), np.uint8)
    for row in range(48):
        left = 4 + 4 * number + 2 * (row % 2)
        image[row, left : left + 12] = 255
    return image


def comb(frame):
    """Return by how much odd rows differ from the even ones around them."""
    rows = frame[4:44].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2)[::2].mean())


@pytest.fixture
def interlaced(tmp_path):
    with av.open(str(tmp_path / "i.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": "tff=1:keyint=4:crf=4"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.flags |= av.codec.context.Flags.interlaced_dct
        for number in range(11):
            frame = av.VideoFrame.from_ndarray(combed(number))
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return tmp_path / "i.mp4"


def test_interlaced_frames_are_made_whole_or_kept(interlaced):
    clip = open_clip(interlaced)
    whole, kept = list(clip), list(open_clip(interlaced, deinterlace=False))
    assert len(whole) == len(kept) == clip.info.frames == 11
    assert clip.info.interlaced
    assert not plays_in_browsers(clip.info)
    assert clip.warnings == ("it is interlaced: every frame was made whole from its fields",)
    for before, after in zip(kept, whole, strict=True):
        assert comb(after) < comb(before) / 3
    assert [timed.pts for timed in clip.timed()] == [3600 * i for i in range(11)]


def test_interlaced_frames_are_the_same_after_a_seek(interlaced):
    whole = list(open_clip(interlaced))
    for index in range(11):
        assert np.array_equal(open_clip(interlaced).frame_at(index), whole[index]), index
    assert np.array_equal(
        next(open_clip(interlaced, deinterlace=False).sample([7])),
        list(open_clip(interlaced, deinterlace=False))[7],
    )


@pytest.mark.parametrize("times", [[0, 1, 2, 5, 6, 9], [0, 1, 2, 3, 4, 5]])
def test_empty_packets_of_an_avi_are_frames_that_repeat(tmp_path, times):
    path = make.write_clip(tmp_path / "e.avi", "mpeg4", frames=6, times=times, options={"g": "3"})
    clip = open_clip(path)
    shown = [sum(time <= now for time in times) - 1 for now in range(times[-1] + 1)]
    assert numbers(clip) == shown
    assert [timed.pts for timed in clip.timed()] == [9000 * i for i in range(times[-1] + 1)]
    assert (clip.info.frames, clip.info.fps, clip.info.variable_rate) == (times[-1] + 1, 10, False)
    assert clip.warnings == ()
    assert numbers(open_clip(path).sample([3, 4])) == shown[3:5]


def test_empty_packets_at_the_end_of_an_avi_are_frames(tmp_path):
    path = make.write_clip(tmp_path / "e.avi", "mjpeg", "yuvj420p", frames=6)
    content = bytearray(path.read_bytes())
    for name, at in ((b"avih", 24), (b"strh", 40)):  # the header counts two more, without a packet
        place = content.index(name) + at
        assert content[place : place + 4] == (6).to_bytes(4, "little")
        content[place : place + 4] = (8).to_bytes(4, "little")
    path.write_bytes(content)
    clip = open_clip(path)
    assert numbers(clip) == [0, 1, 2, 3, 4, 5, 5, 5]
    assert clip.warnings == ()
