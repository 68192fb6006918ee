"""The clip with its objects tinted, outlined and named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports._cut import write_film
from vos.video.exports._drawing import Drawing, DrawingOptions

LABEL = "Overlay (MP4)"
WHO = "Everybody: the clip with its objects tinted, to show what was found"
SUFFIX = ".mp4"


Options = DrawingOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write H.264 at the source's times, with its sound."""
    yield from write_film(source, target, Drawing(source, options))
