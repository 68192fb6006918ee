"""Films with some pictures drawn anew: all others, their times and the sound are the same bytes."""

from fractions import Fraction
from hashlib import sha256

import av
import numpy as np
import pytest

from tests.video import make
from vos.video.read import open_clip
from vos.video.splice import Splice
from vos.video.write import VideoWriter

SIZE, COUNT, FPS = (48, 64), 30, Fraction(4)  # a key frame every eight frames
PTS = [22500 * i + (i % 3) * 900 for i in range(COUNT)]


def picture(index, shade=0):
    return np.full((*SIZE, 3), 5 * index + shade, np.uint8)


def write(path, frames, shade=0, audio=None):
    first = PTS[frames[0]]
    with VideoWriter(path, SIZE, fps=FPS, audio=audio) as film:
        for index in frames:
            film.add(picture(index, shade), PTS[index] - first, 20000)
    return path


@pytest.fixture
def film(tmp_path):
    """Greys of growing brightness at uneven times, with a sound."""
    sound = make.write_clip(tmp_path / "sound.mp4", sound=make.click(0.5, 5.0))
    return write(tmp_path / "film.mp4", range(COUNT), audio=open_clip(sound).audio)


def packets(path, kind):
    with av.open(str(path)) as container:
        (stream,) = getattr(container.streams, kind)
        found = [packet for packet in container.demux(stream) if packet.size]
        return [(p.pts, p.dts, p.is_keyframe, sha256(bytes(p)).hexdigest()) for p in found]


def test_whole_groups_are_stale_and_neighbours_are_one(film):
    splice = Splice(film)
    assert splice.frames == COUNT
    assert splice.stale({9}) == [range(8, 16)]
    assert splice.stale({0, 9, 29}) == [range(0, 16), range(24, 30)]
    assert splice.stale(()) == []


def test_only_the_stale_pictures_are_others(film, tmp_path):
    splice = Splice(film)
    stale = splice.stale({10, 29})
    parts = {r[0]: write(tmp_path / f"{r[0]}.mp4", r, shade=60) for r in stale}
    assert splice.write(tmp_path / "new.mp4", parts)
    before, after = packets(film, "video"), packets(tmp_path / "new.mp4", "video")
    assert [a[:3] for a in before] == [b[:3] for b in after]
    same = [a == b for a, b in zip(before, after, strict=True)]
    assert all(same[i] for i in range(COUNT) if not any(i in r for r in stale))
    assert not any(same[r[0]] for r in stale)
    assert packets(film, "audio") == packets(tmp_path / "new.mp4", "audio")
    assert list(open_clip(film).times()) == list(open_clip(tmp_path / "new.mp4").times()) == PTS
    for index, frame in enumerate(open_clip(tmp_path / "new.mp4")):
        shade = 60 if any(index in r for r in stale) else 0
        assert abs(float(frame.mean()) - (5 * index + shade)) < 3


def test_a_part_that_is_encoded_otherwise_is_refused(film, tmp_path):
    with VideoWriter(tmp_path / "part.mp4", (64, 64), fps=FPS) as part:
        part.add(np.zeros((64, 64, 3), np.uint8), 0)
    assert not Splice(film).write(tmp_path / "new.mp4", {8: tmp_path / "part.mp4"})
    assert not (tmp_path / "new.mp4").exists()
