"""The way of every object as text: the table that the 2019 project published, or all columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vos.tracks.files import to_txt
from vos.tracks.tables import Motion, write_txt
from vos.types import Step
from vos.video.exportable import Exportable
from vos.video.exports import _motion

LABEL = "Trajectory (TXT)"
WHO = "Users of the 2019 project's table: centroid and box, one line a frame"
SUFFIX = ".txt"


@dataclass(frozen=True, kw_only=True)
class Options(_motion.ScaleOptions):
    """What a user may choose."""

    table: str = field(
        default="2019",
        metadata={
            "help": "2019: centroid and box; full: every column",
            "choices": ("2019", "full"),
        },
    )


def export(source: Exportable, options: Options, target: Path) -> Iterator[Step]:
    """Write the 2019 table as `tracks.files.to_txt` has it, or what `tracks.tables.write_txt` says."""
    writer = write_txt if options.table == "full" else _write_2019
    yield from _motion.write(source, options, target, writer, len(source.tracks))


def _write_2019(file: TextIO, motion: Motion) -> Iterator[int]:
    file.write(to_txt(motion.tracks))
    yield from ()
