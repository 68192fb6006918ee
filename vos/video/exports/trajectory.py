"""The way of every object: centroid, box, area, speed, confidence; a CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vos.tracks.tables import write_csv
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields, _motion

LABEL = "Trajectory (CSV)"
WHO = "Scientists: where every object is on every frame, for Excel, R and pandas"
SUFFIX = ".csv"


@dataclass(frozen=True, kw_only=True)
class Options(_motion.ScaleOptions):
    """What a user may choose."""

    every: int = _fields.every_nth()


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write what `track_tables.write_csv` says, times as in the clip."""
    writer = partial(write_csv, every=options.every)
    yield from _motion.write(source, options, target, writer)
