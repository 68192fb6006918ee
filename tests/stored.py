"""A result that no engine made, for tests of what keeps results."""

from fractions import Fraction

from vos.types import Device, Result, VideoInfo

INFO = VideoInfo("mp4", "h264", 64, 48, Fraction(30000, 1001), 5, 0.1668)


def make_result(name="a", digest="d1", created=1.0):
    return Result(
        id=name * 64,
        title=f"clip {name}",
        created=created,
        engine="flow",
        options={"sharp": True},
        device=Device(),
        digest=digest,
        info=INFO,
        frames=5,
        names={1: "dog"},
        prompt_frames=(0, 3),
        visible={1: 0.8, 2: 1.0},
        seconds={"total": 1.5},
        warnings=("one frame is damaged",),
    )
