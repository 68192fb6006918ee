"""The clip with its objects tinted, outlined and named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vos.options import check
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields
from vos.video.exports._cut import film
from vos.video.exports._drawing import Drawing

LABEL = "Overlay (MP4)"
WHO = "Everybody: the clip with its objects tinted, to show what was found"
SUFFIX = ".mp4"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    opacity: float = _fields.opacity()
    outline: bool = _fields.outline()
    labels: bool = _fields.labels()
    colours: str = _fields.colours()

    def __post_init__(self) -> None:
        check(self)
        _fields.read_colours(self.colours)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write H.264 at the source's times, with its sound."""
    yield from film(source, target, Drawing(source, options))
