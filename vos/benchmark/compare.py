"""Two mask sequences of one clip, side by side: J and F frame by frame, T of each, where they differ."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vos.benchmark import overlap, stability
from vos.errors import InvalidInput
from vos.labels import SUFFIXES, Labeller
from vos.tracks.files import plain_cell
from vos.types import VOID, Mask, object_ids, read_number
from vos.video import sample
from vos.video.masks import MaskReader, MaskWriter, read_mask

MAX_MASK_BYTES = 64 * 2**20
MAX_MASKS = 200_000


@dataclass(frozen=True)
class Score:
    """J and F, 0..1, of one object on one frame."""

    frame: int
    object_id: int
    j: float
    f: float


class Truth:
    """Masks of some or all frames of a clip, in a packed file; `frames` are their numbers."""

    def __init__(self, path: Path, frames: Sequence[int]) -> None:
        self.path, self.frames = path, tuple(frames)


def sample_truth(path: Path) -> Truth:
    """Write the sample clip's exact masks into a packed file."""
    count = 0
    with MaskWriter(path) as masks:
        for _, mask in sample.frames():
            masks.add(mask)
            count += 1
    return Truth(path, range(count))


def read_truth(source: BinaryIO, path: Path, size_hw: tuple[int, int], frames: int) -> tuple[Truth, str]:
    """Read a zip of mask pictures into a packed file; return it and a note to show, or "".

    With one picture a frame they go in order; with fewer, the number in a name says its frame.

    Raises:
        InvalidInput: not a zip, no masks in it, too many, or one that does not fit.
    """
    try:
        archive = zipfile.ZipFile(source)
    except zipfile.BadZipFile as error:
        raise InvalidInput("the ground truth is no zip of mask pictures") from error
    with archive:
        members = _members(archive)
        numbers = list(range(frames)) if len(members) == frames else [_number(m.filename) for m in members]
        if len(set(numbers)) != len(numbers) or max(numbers) >= frames:
            raise InvalidInput(
                f"the ground truth has {len(members)} masks, up to frame {max(numbers)}; "
                f"the clip has {frames} frames"
            )
        notes: dict[str, None] = {}  # in order, each once
        labeller = Labeller()
        with MaskWriter(path) as packed:
            for member in members:
                mask, note = _read(archive, member, size_hw, labeller)
                notes[note] = None
                packed.add(mask)
    return Truth(path, numbers), " ".join(filter(None, notes))


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    pictures = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith(tuple(f".{suffix}" for suffix in SUFFIXES))
        and not re.search(r"(^|/)(__MACOSX|\.)", member.filename)
    ]
    if not 1 <= len(pictures) <= MAX_MASKS:
        raise InvalidInput(f"the zip has {len(pictures)} mask pictures; 1 to {MAX_MASKS} are allowed")
    return sorted(pictures, key=lambda m: (_number(m.filename), m.filename))


def _number(name: str) -> int:
    digits = re.findall(r"[0-9]+", Path(name).stem)
    if not digits:
        raise InvalidInput(f"the mask {name} has no frame number in its name")
    return read_number(digits[-1])


def _read(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, size_hw: tuple[int, int], labeller: Labeller
) -> tuple[Mask, str]:
    if member.file_size > MAX_MASK_BYTES:
        raise InvalidInput(f"{member.filename} has {member.file_size} bytes; {MAX_MASK_BYTES} are allowed")
    try:
        return read_mask(archive.read(member), size_hw, labeller=labeller, allow_empty=True)
    except (RuntimeError, zipfile.BadZipFile, EOFError) as error:
        raise InvalidInput(f"{member.filename} cannot be read from the zip") from error
    except InvalidInput as error:
        raise InvalidInput(f"{member.filename}: {error}") from error


def score_frames(truth: Truth, masks: MaskReader, *, merged: bool) -> Iterator[list[Score]]:
    """Yield, for each frame of the truth, the scores of all its objects.

    `merged` scores all objects as one, 1. Otherwise the objects are those that either side has on
    any frame so far.
    """
    known: set[int] = {1} if merged else set()
    with MaskReader(truth.path) as exact:
        for position, frame in enumerate(truth.frames):
            a, b = exact[position], masks[frame]
            if merged:
                a, b = overlap.merge(a), overlap.merge(b)
            else:
                known |= set(object_ids(a)) | set(object_ids(b))
            ids = sorted(known)
            pairs = zip(ids, overlap.regions(a, b, ids), strict=True)
            yield [Score(frame, i, overlap.jaccard(*pair), overlap.boundary_f(*pair)) for i, pair in pairs]


def mark_differences(truth: Mask, other: Mask) -> Mask:
    """Return where two label maps differ: 1 both alike, 2 only in `other`, 3 missed or another object."""
    out: Mask = ((truth == other) & (truth > 0)).astype(np.uint8)
    out[(other > 0) & ((truth == 0) | (truth == VOID))] = 2
    out[(truth > 0) & (truth != VOID) & (other != truth)] = 3
    return out


def measure_stability(masks: Iterator[Mask]) -> Iterator[float]:
    """Yield T between consecutive masks, all objects as one; NaN where either has no outline."""
    before = None
    first = True
    for mask in masks:
        after = stability.outline_context(overlap.merge(mask) == 1)
        if not first:
            yield stability.instability(before, after)
        before, first = after, False


def to_csv(rows: Sequence[Score], names: Mapping[int, str]) -> str:
    """Return the scores as CSV: frame, object, name, J, F."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("frame", "object", "name", "J", "F"))
    for row in rows:
        name = plain_cell(names.get(row.object_id, ""))
        writer.writerow((row.frame, row.object_id, name, f"{row.j:.6f}", f"{row.f:.6f}"))
    return file.getvalue()
