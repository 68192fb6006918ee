"""Damaged and cut files: the readable part, the same by every way in, and how much was lost."""

import itertools

import av
import numpy as np
import pytest

from tests.video import make
from vos.video.read import open_clip

CLIP = {"options": {"g": "15", "bf": "2"}, "frames": 90}


def same_every_way(clip, unsure=()):
    """Read forward, backward, by samples; return the numbers of the frames.

    What a decoder shows in place of lost pixels (the `unsure` frames) may be any old memory.
    """
    frames = list(clip)
    for index, frame in enumerate(clip.backwards(len(frames) - 1)):
        at = len(frames) - 1 - index
        assert at in unsure or np.array_equal(frame, frames[at])
    assert len(list(clip)) == len(list(clip.sample(range(len(frames))))) == len(frames)
    times = [timed.pts for timed in clip.timed()]
    assert times == sorted(set(times))
    return [make.number_of(frame) for frame in frames]


def test_a_faststart_file_cut_short_gives_its_beginning(tmp_path):
    path = make.write_clip(tmp_path / "cut.mp4", **CLIP, muxer={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    clip = open_clip(path)
    count = clip.info.frames
    read = same_every_way(clip)
    assert 30 < count < 80
    assert len(read) == count
    assert read == sorted(read)
    assert len(set(read)) >= count - 4  # those that need one beyond the cut show the one before
    assert clip.warnings[0] == f"the file ends early: {count} of 90 frames could be read"


@pytest.mark.parametrize("name", ["cut.mkv", "cut.webm", "cut.avi"])
def test_other_files_cut_short_give_their_beginning(tmp_path, name):
    codec = {"cut.mkv": "libx264", "cut.webm": "libvpx-vp9", "cut.avi": "mpeg4"}[name]
    path = make.write_clip(tmp_path / name, codec, options={"g": "15"}, frames=90)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    clip = open_clip(path)
    read = same_every_way(clip)
    assert 30 < len(read) < 80
    assert read == sorted(read)
    assert len(set(read)) >= len(read) - 4  # those that need one beyond the cut show the one before
    assert clip.warnings[0] == f"the file ends early: {clip.info.frames} of 90 frames could be read"


def damage(path, first, count):
    """Flip bytes in so many packets of the picture."""
    random = np.random.default_rng(0)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for start, size in places[first : first + count]:
        for at in random.integers(start + min(8, size // 2), start + size, 6):
            data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("name", make.CODECS)
def test_damage_in_the_middle_costs_only_what_it_hits(tmp_path, name):
    codec, pix_fmt, options = make.CODECS[name]
    noise = np.random.default_rng(0)
    frames = [np.maximum(make.numbered(i), noise.integers(0, 60, (48, 64, 3), np.uint8)) for i in range(60)]
    path = make.write_clip(tmp_path / name, codec, pix_fmt, options, frames=frames)
    damage(path, 25, 5)
    clip = open_clip(path)
    read = same_every_way(clip, unsure=range(22, 33))
    assert read[:16] == list(range(16))
    assert read[-1] == 59
    if len(read) < 60:
        assert f"{60 - len(read)} of 60 frames are damaged and were left out" in clip.warnings
    repeated = sum(before == after for before, after in itertools.pairwise(read))
    assert repeated == 0 or any("damaged" in warning for warning in clip.warnings)


def test_lost_frames_are_counted(tmp_path):
    path = make.write_clip(tmp_path / "m.avi", "mjpeg", "yuvj420p", frames=90)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for start, size in places[40:52]:
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    clip = open_clip(path)
    assert same_every_way(clip) == [*range(40), *[39] * 12, *range(52, 90)]
    assert clip.warnings == ("12 of 90 frames are damaged and show the one before",)
    assert [timed.pts for timed in clip.timed()] == [9000 * i for i in range(90)]


def test_damage_is_the_same_in_every_pass(tmp_path):
    noise = np.random.default_rng(1)
    frames = [noise.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(40)]
    path = make.write_clip(tmp_path / "n.mp4", options={"g": "40", "bf": "2"}, frames=frames)
    damage(path, 10, 20)
    clip = open_clip(path)
    whole = [frame.tobytes() for frame in clip]
    assert [frame.tobytes() for frame in clip] == whole
    assert [frame.tobytes() for frame in clip.backwards(39)] == whole[::-1]
    assert any("damaged and may look wrong" in warning for warning in clip.warnings)
