"""The way of every object: centroid, box, area, speed, confidence; a JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos.tracks.tables import write_json
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _motion

LABEL = "Trajectory (JSON)"
WHO = "Programmers: the same table for scripts and web pages"
SUFFIX = ".json"


Options = _motion.ScaleOptions


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write what `track_tables.write_json` says, times as in the clip."""
    yield from _motion.write(source, options, target, write_json, len(source.tracks))
