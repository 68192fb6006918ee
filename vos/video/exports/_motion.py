"""What exports of tables share: the scale, and the motion of a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol, TextIO

from vos.tracks.tables import Motion, Scale
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.masks import replacing


class ScaleOptions(Protocol):
    """The options that `write` needs."""

    @property
    def units_per_pixel(self) -> float:
        """How long a pixel is; 0 where that is not known."""

    @property
    def unit(self) -> str:
        """What lengths are in."""


def units_per_pixel() -> Any:
    """Return the option for the scale."""
    text = "How long one pixel is in the unit below; 0 gives pixels only"
    return field(default=0.0, metadata={"help": text, "min": 0.0, "max": 1e9})


def unit() -> Any:
    """Return the option for the unit."""
    return field(default="mm", metadata={"help": "The unit of lengths, 1 to 12 letters"})


def write(
    source: Exportable,
    options: ScaleOptions,
    target: Path,
    writer: Callable[[TextIO, Motion], Iterator[int]],
    blocks: int = 1,
) -> Iterator[Step]:
    """Write a table with a writer that yields the number of each frame, `blocks` times over the clip."""
    scale = Scale(options.units_per_pixel, options.unit)
    motion = Motion(source.tracks, source.times_s(), source.confidence, scale)
    total, done = max(1, blocks) * source.frames, 0
    with replacing(target) as part, part.open("w", encoding="utf-8", newline="") as file:
        before = -1
        for frame in writer(file, motion):
            done += frame - before if frame > before else frame + 1
            before = frame
            yield Step("writing", done, total)
    yield Step("writing", total, total)
