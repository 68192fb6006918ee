"""The way of every object: centroid, box, area, speed, confidence; a JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vos.options import check
from vos.tracks.tables import Scale, write_json
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _motion

LABEL = "Trajectory (JSON)"
WHO = "Programmers: the same table for scripts and web pages"
SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose."""

    units_per_pixel: float = _motion.units_per_pixel()
    unit: str = _motion.unit()

    def __post_init__(self) -> None:
        check(self)
        Scale(self.units_per_pixel, self.unit)


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write what `track_tables.write_json` says, times as in the clip."""
    yield from _motion.write(source, options, target, write_json, len(source.tracks))
