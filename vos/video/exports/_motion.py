"""What exports of tables share: the scale, and the motion of a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vos.options import check
from vos.tracks.tables import Motion, Scale
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.masks import replacing


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """What a user may choose of what lengths are in; exports of tables add their own."""

    units_per_pixel: float = field(
        default=0.0,
        metadata={
            "help": "How long one pixel is in the unit below; 0 gives pixels only",
            "min": 0.0,
            "max": 1e9,
        },
    )
    unit: str = field(default="mm", metadata={"help": "The unit of lengths, 1 to 12 letters"})

    def __post_init__(self) -> None:
        check(self)
        Scale(self.units_per_pixel, self.unit)


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
