"""An animated GIF with the objects drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from vos.types import Frame, Step
from vos.video.exportable import Exportable
from vos.video.exports import _animation
from vos.video.exports._animation import Animation
from vos.video.exports._drawing import DrawingOptions
from vos.video.masks import replacing
from vos.video.picture import TICKS

LABEL = "Animated GIF"
WHO = "Mails, issues and slides: moves everywhere, even where videos do not play"
SUFFIX = ".gif"
_SAMPLES = 12  # frames that the one palette is made from
_HUNDREDTHS = Fraction(1, 100)  # what a GIF counts time in


@dataclass(frozen=True, kw_only=True)
class Options(DrawingOptions):
    """What a user may choose."""

    width: int = _animation.width(480)
    fps: float = _animation.fps(12.5)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write a GIF that repeats for ever, in 255 colours chosen for the whole clip."""
    animation = Animation(source, options, width=options.width, fps=options.fps)
    colours = Image.fromarray(np.vstack(list(animation.samples(_SAMPLES)))).quantize(255)
    table = _argb(colours)
    delay = {"loop": "0", "final_delay": str(round(100 / min(options.fps, float(source.info.fps))))}
    with replacing(target) as part, av.open(str(part), "w", format="gif", options=delay) as container:
        stream = container.add_stream("gif", rate=100)
        assert isinstance(stream, VideoStream)
        (stream.height, stream.width), stream.pix_fmt = animation.size_hw, "pal8"
        stream.codec_context.time_base = _HUNDREDTHS
        for shot, shown in animation.shots():
            if shown:
                picture = _picture(_indices(animation.draw(shot), colours), table)
                picture.pts, picture.time_base = round(shot.pts * 100 / TICKS), _HUNDREDTHS
                container.mux(stream.encode(picture))
            yield source.step(shot.index)
        container.mux(stream.encode(None))


def _indices(frame: Frame, colours: Image.Image) -> NDArray[np.uint8]:
    return np.array(Image.fromarray(frame).quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG))


def _picture(indices: NDArray[np.uint8], table: NDArray[np.uint8]) -> av.VideoFrame:
    # PyAV takes the palette beside the indices; its types do not say so
    return av.VideoFrame.from_ndarray((indices, table), "pal8")  # type: ignore[arg-type]


def _argb(colours: Image.Image) -> NDArray[np.uint8]:
    table = np.full((256, 4), 255, np.uint8)
    rgb = np.array(colours.getpalette("RGB"), np.uint8).reshape(-1, 3)
    table[: len(rgb), 1:] = rgb
    return table
