"""How far objects are from each other, frame by frame; a CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vos.tracks.tables import write_distances
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _fields, _motion

LABEL = "Distances between objects (CSV)"
WHO = "Scientists: how far objects are from each other, frame by frame"
SUFFIX = ".csv"


@dataclass(frozen=True, kw_only=True)
class Options(_motion.ScaleOptions):
    """What a user may choose."""

    every: int = _fields.every_nth()


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write what `track_tables.write_distances` says, times as in the clip."""
    writer = partial(write_distances, every=options.every)
    yield from _motion.write(source, options, target, writer)
