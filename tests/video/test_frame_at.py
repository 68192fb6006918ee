"""One frame of a clip: the same as in a pass from the start, without one, and at the size that is shown."""

import os
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from tests.video import make
from tests.video.test_damaged_files import damage
from vos.errors import InvalidInput
from vos.video.near import NEAR, NearFrames
from vos.video.open import Film
from vos.video.read import open_clip

ORDER = (37, 5, 20, 21, 0, 39, 13)


def noisy(frames):
    noise = np.random.default_rng(0)
    return [np.maximum(make.numbered(i), noise.integers(0, 60, (48, 64, 3), np.uint8)) for i in range(frames)]


@pytest.fixture
def count_packets(monkeypatch):
    """Return a list that grows by one for every packet that is decoded."""
    decoded = []
    decode = Film.decode

    def spy(film, packet, *rest):
        decoded.append(packet.pts)
        return decode(film, packet, *rest)

    monkeypatch.setattr("vos.video.open.Film.decode", spy)
    return decoded


@pytest.mark.parametrize("name", make.CODECS)
def test_a_frame_is_that_of_a_pass_by_every_codec(tmp_path, name):
    codec, pix_fmt, options = make.CODECS[name]
    path = make.write_clip(tmp_path / name, codec, pix_fmt, options, frames=noisy(40))
    whole = list(open_clip(path))
    for index in ORDER:
        NEAR.clear()
        assert np.array_equal(open_clip(path).frame_at(index), whole[index]), index
        assert np.array_equal(next(open_clip(path).sample([index])), whole[index]), index


def test_a_frame_of_variable_rate_is_that_of_a_pass(tmp_path):
    times = np.cumsum(np.random.default_rng(0).integers(1, 400, 60)).tolist()
    path = make.write_clip(
        tmp_path / "v.mkv", options={"g": "8", "bf": "3"}, frames=60, times=times, time_base=Fraction(1, 1000)
    )
    for index in (59, 1, 30, 31, 8):
        NEAR.clear()
        clip = open_clip(path)
        assert make.number_of(clip.frame_at(index)) == index
        (timed,) = [t for t in clip.timed(index) if t.index == index]
        assert timed.pts == 90 * (times[index] - times[0])


@pytest.mark.parametrize("name", ["h264.mp4", "h264-open-gop.mp4", "h264-refresh.mp4", "hevc.mp4"])
def test_a_frame_of_a_damaged_file_is_that_of_a_pass(tmp_path, name):
    codec, pix_fmt, options = make.CODECS[name]
    path = make.write_clip(tmp_path / name, codec, pix_fmt, options, frames=noisy(60))
    damage(path, 25, 3)
    whole = [make.number_of(frame) for frame in open_clip(path)]
    assert len(whole) == 60
    for index in (59, 10, 45, 33):
        NEAR.clear()
        assert make.number_of(open_clip(path).frame_at(index)) == whole[index] == index


def test_a_frame_costs_no_pass_from_the_start(tmp_path, count_packets):
    path = make.write_clip(tmp_path / "long.mp4", options={"g": "10", "bf": "2"}, frames=200)
    clip = open_clip(path)
    count_packets.clear()
    assert make.number_of(clip.frame_at(157)) == 157
    assert 0 < len(count_packets) < 60
    count_packets.clear()
    for index in range(153, 162):  # neighbours are decoded already
        assert make.number_of(open_clip(path).frame_at(index)) == index
    assert count_packets == []


def test_a_clip_is_inspected_once_until_it_changes(tmp_path, count_packets):
    path = make.write_clip(tmp_path / "a.mp4", frames=12, sound=make.click(0.1, 1.2))
    open_clip(path)
    count_packets.clear()
    assert open_clip(path).info.frames == 12
    assert count_packets == []
    make.write_clip(path, frames=9)
    os.utime(path, ns=(1, 1))
    clip = open_clip(path)
    assert (clip.info.frames, clip.audio) == (9, None)
    assert [make.number_of(clip.frame_at(i)) for i in (8, 0)] == [8, 0]


def test_a_changed_file_gives_its_new_frames(tmp_path):
    path = make.write_clip(tmp_path / "a.mp4", frames=12)
    assert make.number_of(open_clip(path).frame_at(3)) == 3
    make.write_clip(path, frames=[make.numbered(100 + i) for i in range(12)])
    os.utime(path, ns=(1, 1))
    assert make.number_of(open_clip(path).frame_at(3)) == 103


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize(
    ("max_side", "size"), [(32, (24, 32)), (None, (48, 64)), (500, (48, 64)), (1, (1, 1))]
)
def test_a_frame_has_the_size_that_is_shown(tmp_path, rotation, max_side, size):
    path = make.write_clip(tmp_path / "a.mp4", rotation=rotation)
    frame = open_clip(path).frame_at(5, max_side)
    assert frame.shape == (*(size[::-1] if rotation else size), 3)
    if max_side != 1 and not rotation:
        assert make.number_of(frame) == 5


def test_an_image_has_the_size_that_is_shown(tmp_path):
    for number in range(3):
        Image.fromarray(make.numbered(number)).save(tmp_path / f"{number}.png")
    frame = open_clip(tmp_path).frame_at(2, 32)
    assert frame.shape == (24, 32, 3)
    assert make.number_of(frame) == 2
    with pytest.raises(InvalidInput, match="frame 3 is outside"):
        open_clip(tmp_path).frame_at(3)


@pytest.mark.parametrize("index", [-1, 12, 10**6])
def test_a_frame_that_is_not_there_is_refused(tmp_path, index):
    path = make.write_clip(tmp_path / "a.mp4", frames=12)
    with pytest.raises(InvalidInput, match=f"frame {index} is outside a.mp4, which has 12 frames"):
        open_clip(path).frame_at(index)


def test_frames_that_are_kept_are_bounded_in_bytes(tmp_path):
    clip = open_clip(make.write_clip(tmp_path / "a.mp4", options={"g": "50"}, frames=50))
    near = NearFrames(limit_bytes=10 * 64 * 48 * 2)
    for picture in clip._source.pictures(0):
        near.add("clip", picture)
        assert near.size_bytes <= 10 * 64 * 48 * 2
        near.get("clip", 0)  # used again and again, so kept
    assert near.get("clip", 0) is not None
    assert near.get("clip", 49) is not None
    assert near.get("clip", 5) is None
