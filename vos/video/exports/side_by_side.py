"""The clip and its masks next to each other in one film."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vos.types import Frame, Step
from vos.video.draw import mask_preview
from vos.video.exportable import Exportable, Shot
from vos.video.exports._cut import write_film
from vos.video.exports._drawing import Drawing, DrawingOptions

LABEL = "Side by side (MP4)"
WHO = "Talks and reviews: the clip on the left, what was found on the right"
SUFFIX = ".mp4"


@dataclass(frozen=True, kw_only=True)
class Options(DrawingOptions):
    """What a user may choose."""

    right: str = field(
        default="overlay", metadata={"help": "What is on the right", "choices": ("overlay", "masks")}
    )


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write H.264 of twice the width, at the source's times, with its sound."""
    drawing = Drawing(source, options)

    def draw(shot: Shot) -> Frame:
        right = drawing(shot) if options.right == "overlay" else mask_preview(shot.mask)
        return np.hstack([shot.frame, right])

    yield from write_film(source, target, draw, columns=2)
