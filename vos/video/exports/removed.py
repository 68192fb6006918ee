"""The objects taken out: their place is one flat colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vos.types import Frame, Step
from vos.video.exportable import Exportable, Shot
from vos.video.exports import _fields
from vos.video.exports._cut import Cut, CutOptions, blend, edges, write_film

LABEL = "Objects greyed out (MP4)"
WHO = "Privacy and clean plates: everything but the objects, their place a flat grey"
SUFFIX = ".mp4"


@dataclass(frozen=True, kw_only=True)
class Options(CutOptions):
    """What a user may choose."""

    colour: str = field(default="#808080", metadata={"help": "What the objects become"})
    edges: str = edges("hard")

    def __post_init__(self) -> None:
        super().__post_init__()
        _fields.read_colour(self.colour, "colour")


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write H.264 at the source's times, with its sound; with hard edges no pixel of an object is left."""
    cut = Cut(source, options)
    flat = np.array(_fields.read_colour(options.colour, "colour"), np.uint8)

    def draw(shot: Shot) -> Frame:
        return blend(np.broadcast_to(flat, shot.frame.shape), shot.frame, cut.alpha(shot))

    yield from write_film(source, target, draw)
