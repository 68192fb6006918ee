"""An animated WebP with the objects drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _animation
from vos.video.exports._animation import Animation
from vos.video.exports._drawing import DrawingOptions
from vos.video.masks import replacing
from vos.video.picture import TICKS

LABEL = "Animated WebP"
WHO = "Web pages and chats: all colours, at a fraction of a GIF's size"
SUFFIX = ".webp"
_MILLISECONDS = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class Options(DrawingOptions):
    """What a user may choose."""

    width: int = _animation.width(640)
    fps: float = _animation.fps(15.0)
    quality: int = field(default=75, metadata={"help": "0 is the smallest", "min": 0, "max": 100})


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write a WebP that repeats for ever; the encoder keeps the packed frames in memory until the end."""
    animation = Animation(source, options, width=options.width, fps=options.fps)
    settings = {"quality": str(options.quality), "compression_level": "3"}
    with (
        replacing(target) as part,
        av.open(str(part), "w", format="webp", options={"loop": "0"}) as container,
    ):
        stream = container.add_stream("libwebp_anim", rate=1000, options=settings)
        assert isinstance(stream, VideoStream)
        (stream.height, stream.width), stream.pix_fmt = animation.size_hw, "yuv420p"
        stream.codec_context.time_base = _MILLISECONDS
        for shot, shown in animation.shots():
            if shown:
                picture = av.VideoFrame.from_ndarray(animation.draw(shot), "rgb24").reformat(format="yuv420p")
                picture.pts, picture.time_base = round(shot.pts * 1000 / TICKS), _MILLISECONDS
                container.mux(stream.encode(picture))
            yield source.step(shot.index)
        container.mux(stream.encode(None))
