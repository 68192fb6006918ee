"""Tables of motion: tracks with times, speeds and confidence, in pixels and in units; and distances."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from vos.errors import InvalidInput
from vos.tracks.files import plain_cell
from vos.tracks.track import COLUMNS, Track

MEASURES = ("visible", *COLUMNS, "speed_px_s", "confidence")


@dataclass(frozen=True)
class Scale:
    """How long a pixel is in the user's unit; 0 where that is not known.

    Raises:
        InvalidInput: negative or not a number, or a unit that is not 1 to 12 letters.
    """

    per_pixel: float = 0.0
    unit: str = "mm"

    def __post_init__(self) -> None:
        if not 0 <= self.per_pixel < math.inf:
            raise InvalidInput(f"units per pixel are {self.per_pixel}; 0 (unknown) or more is needed")
        if not (self.unit.isalpha() and len(self.unit) <= 12):
            raise InvalidInput(f"the unit is {self.unit!r}; 1 to 12 letters such as mm are needed")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what `measure` adds; none without a scale."""
        u = self.unit
        named = (f"centre_y_{u}", f"centre_x_{u}", f"height_{u}", f"width_{u}", f"area_{u}2", f"speed_{u}_s")
        return named if self.per_pixel else ()

    def measure(self, table: NDArray[np.float64], speed_px_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what `columns` names, (frames, 6) or (frames, 0), for a track's table.

        Height and width are those of the box with its last row and column in it.
        """
        if not self.per_pixel:
            return np.empty((len(table), 0))
        y, x, top, left, bottom, right, area = table.T
        lengths = np.stack([y, x, bottom - top + 1, right - left + 1], 1) * self.per_pixel
        areas, speeds = area * self.per_pixel**2, speed_px_s * self.per_pixel
        return np.column_stack([lengths, areas, speeds])


@dataclass(frozen=True, eq=False)
class Motion:
    """Tracks, and the time in seconds and the confidence (0..1, or NaN) of every frame."""

    tracks: tuple[Track, ...]
    times_s: Sequence[float]
    confidence: Sequence[float]
    scale: Scale

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `rows`."""
        return MEASURES + self.scale.columns

    def rows(self, track: Track) -> NDArray[np.float64]:
        """Return a line for every frame, its columns as in `columns`; NaN for what is not known."""
        speed = track.speed_px_s(self.times_s)
        measures = [track.visible, track.table, speed, np.asarray(self.confidence, np.float64)]
        return np.column_stack([*measures, self.scale.measure(track.table, speed)])


def write_csv(file: TextIO, motion: Motion, every: int = 1) -> Iterator[int]:
    """Write a line for each object on every n-th frame; yield the number of each frame done.

    Columns: frame (from 0), time_s, object, name, and those of the motion; what is not known is empty.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("frame", "time_s", "object", "name", *motion.columns))
    rows = [(track, motion.rows(track)) for track in motion.tracks]
    for frame in range(0, len(motion.times_s), every):
        for track, table in rows:
            cells = [_cell(value) for value in table[frame].tolist()]
            writer.writerow(
                (frame, f"{motion.times_s[frame]:.6f}", track.object_id, plain_cell(track.name), *cells)
            )
        yield frame


def write_txt(file: TextIO, motion: Motion) -> Iterator[int]:
    """Write a block for each object: `# object 1 name`, `# columns ...`, then a line for every frame."""
    for track in motion.tracks:
        file.write(" ".join(["# object", str(track.object_id), *track.name.split()]) + "\n")
        file.write("# columns time_s " + " ".join(motion.columns) + "\n")
        table = np.column_stack([np.asarray(motion.times_s, np.float64), motion.rows(track)])
        for frame, row in enumerate(table.tolist()):
            file.write("\t".join(f"{value:.6f}" for value in row) + "\n")
            yield frame
        file.write("\n")


def write_json(file: TextIO, motion: Motion) -> Iterator[int]:
    """Write columns, unit, units_per_pixel, times_s and objects (each id, name, rows); NaN as null."""
    head = {
        "columns": motion.columns,
        "unit": motion.scale.unit,
        "units_per_pixel": motion.scale.per_pixel or None,
        "times_s": [round(time, 6) for time in motion.times_s],
    }
    file.write(json.dumps(head)[:-1] + ', "objects": [')
    for number, track in enumerate(motion.tracks):
        file.write(",\n" if number else "\n")
        file.write(json.dumps({"id": track.object_id, "name": track.name})[:-1] + ', "rows": [')
        for frame, row in enumerate(motion.rows(track).tolist()):
            values = [None if math.isnan(value) else round(value, 6) for value in row]
            file.write((",\n" if frame else "\n") + json.dumps(values))
            yield frame
        file.write("]}")
    file.write("]}\n")


def write_distances(file: TextIO, motion: Motion, every: int = 1) -> Iterator[int]:
    """Write a line for each pair of objects on every n-th frame: the distance of their centres."""
    scale = motion.scale
    more = (f"distance_{scale.unit}",) if scale.per_pixel else ()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("frame", "time_s", "object_a", "name_a", "object_b", "name_b", "distance_px", *more))
    pairs = [
        (a, b, np.linalg.norm(a.table[:, :2] - b.table[:, :2], axis=1))
        for a, b in itertools.combinations(motion.tracks, 2)
    ]
    for frame in range(0, len(motion.times_s), every):
        for a, b, distance in pairs:
            far = float(distance[frame])
            names = (a.object_id, plain_cell(a.name), b.object_id, plain_cell(b.name))
            measured = (_cell(far), *(_cell(far * scale.per_pixel) for _ in more))
            writer.writerow((frame, f"{motion.times_s[frame]:.6f}", *names, *measured))
        yield frame


def _cell(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.0f}" if value.is_integer() else f"{value:.6f}"
