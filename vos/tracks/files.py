"""Tables of tracks as files, CSV, TXT and JSON: written, and read back."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any

from vos.errors import InvalidInput
from vos.tracks.track import COLUMNS, Track, track_of
from vos.types import MAX_OBJECTS, VOID

FORMATS = (".csv", ".txt", ".json")
_BOX = len(COLUMNS) - 1  # the columns a TXT file has
_MAX_BYTES = 64 << 20
_MAX_FRAMES = 200_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before = + - and @."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _from_cell(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def to_csv(tracks: Iterable[Track]) -> str:
    """Return one line for each object and frame under `frame,object,name,` and COLUMNS.

    Frames count from 0. Where the object is not visible only the area, 0, is filled in.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("frame", "object", "name", *COLUMNS))
    for track in tracks:
        for frame, row in enumerate(track.table.tolist()):
            cells = ["" if math.isnan(v) else f"{v:.6f}" if k < 2 else f"{v:.0f}" for k, v in enumerate(row)]
            writer.writerow((frame, track.object_id, plain_cell(track.name), *cells))
    return file.getvalue()


def to_txt(tracks: Sequence[Track]) -> str:
    """Return one line a frame: the columns before area, six decimals, tabs between; nan if not visible.

    This is the table that the 2019 project published. It knows one object; with several each has
    its block under a line `# object 1 name`, with an empty line between.
    """
    blocks = []
    for track in tracks:
        lines = ["\t".join(f"{value:.6f}" for value in row) + "\n" for row in track.table[:, :_BOX].tolist()]
        title = " ".join(["# object", str(track.object_id), *track.name.split()]) + "\n"
        blocks.append("".join([title, *lines] if len(tracks) > 1 else lines))
    return "\n".join(blocks)


def to_json(tracks: Iterable[Track]) -> str:
    """Return `{"columns": COLUMNS, "objects": [{"id", "name", "rows": one list a frame}]}`, NaN as null."""
    objects = [
        {
            "id": track.object_id,
            "name": track.name,
            "rows": [[None if math.isnan(v) else round(v, 6) for v in row] for row in track.table.tolist()],
        }
        for track in tracks
    ]
    return json.dumps({"columns": COLUMNS, "objects": objects}, separators=(",", ":"))


def read_table(data: bytes, filename: str) -> tuple[Track, ...]:
    """Read the tracks from a file of one of the FORMATS, known by the end of its name.

    A TXT may have any white space or commas between its numbers; it has the six columns before area, or
    those that a line `# columns` names. A CSV needs `frame` and these six, in any order. Without an
    object column all is object 1.

    Raises:
        InvalidInput: another format, or a line (row, for JSON) that is wrong and how.
    """
    ending = PurePath(filename).suffix.lower()
    if ending not in FORMATS:
        raise InvalidInput(f"{filename} is no trajectory table; these end in {', '.join(FORMATS)}")
    if len(data) > _MAX_BYTES:
        raise InvalidInput(f"{filename} has {len(data) >> 20} MB; at most {_MAX_BYTES >> 20} are allowed")
    read = {".csv": _read_csv, ".txt": _read_txt, ".json": _read_json}[ending]
    try:
        tracks = _collect(read(data.decode("utf-8-sig")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{filename} is not a text table: {error}") from error
    except InvalidInput as error:
        raise InvalidInput(f"{filename}, {error}") from error
    if not tracks:
        raise InvalidInput(f"{filename} holds no rows")
    return tracks


_Entry = tuple[str, int, int, str, list[float]]  # place, frame, object, name, row


def _read_txt(text: str) -> Iterator[_Entry]:
    object_id, name, frame = 1, "", 0
    columns: Sequence[str] = COLUMNS[:_BOX]
    for number, line in enumerate(text.splitlines(), 1):
        place = f"line {number}"
        if title := re.fullmatch(r"#\s*object\s+(\d{1,9})\s*(.*)", line.strip()):
            object_id, name, frame = int(title[1]), title[2], 0
        elif title := re.fullmatch(r"#\s*columns\s+(.*)", line.strip()):
            columns = title[1].split()
        elif line.strip() and not line.lstrip().startswith("#"):
            cells = line.replace(",", " ").split()
            if len(cells) != len(columns) or not set(COLUMNS[:_BOX]) <= set(columns):
                raise InvalidInput(
                    f"{place}: {len(cells)} values; {len(columns)} are needed: {', '.join(columns)}"
                )
            values = dict(zip(columns, cells, strict=True))
            row = [_number(values.get(column, "nan"), place) for column in COLUMNS]
            if math.isnan(row[0]):
                row[-1] = 0.0
            yield place, frame, object_id, name, row
            frame += 1


def _read_csv(text: str) -> Iterator[_Entry]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    missing = [name for name in ("frame", *COLUMNS[:_BOX]) if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput(f"line 1: no column {', '.join(missing)}")
    for line in reader:
        place = f"line {reader.line_num}"
        row = [_number(line.get(column) or "nan", place) for column in COLUMNS]
        frame, object_id = _number(line["frame"], place), _number(line.get("object") or "1", place)
        if not (frame.is_integer() and object_id.is_integer()):
            raise InvalidInput(f"{place}: frame {frame} of object {object_id} are not whole numbers")
        yield place, int(frame), int(object_id), _from_cell(line.get("name") or ""), row


def _read_json(text: str) -> Iterator[_Entry]:
    try:
        content: Any = json.loads(text)
        columns = [content["columns"].index(name) for name in COLUMNS]
        for thing in content["objects"]:
            for frame, cells in enumerate(thing["rows"]):
                place = f"object {thing['id']} row {frame}"
                row = [_number("nan" if cells[k] is None else str(cells[k]), place) for k in columns]
                yield place, frame, int(thing["id"]), str(thing["name"]), row
    except json.JSONDecodeError as error:
        raise InvalidInput(f"line {error.lineno}: not JSON: {error.msg}") from error
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise InvalidInput(f"not the JSON of a trajectory: {error!r}") from error


def _number(cell: str, place: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InvalidInput(f"{place}: {cell!r} is not a number") from None


def _collect(entries: Iterable[_Entry]) -> tuple[Track, ...]:
    """Return the tracks, all as long as the longest, after checking every entry."""
    rows: dict[int, dict[int, list[float]]] = {}
    names: dict[int, str] = {}
    for place, frame, object_id, name, row in entries:
        y, x, top, left, bottom, right = row[:_BOX]
        gone = all(map(math.isnan, row[:_BOX]))
        if not 0 <= frame < _MAX_FRAMES or not 1 <= object_id < VOID:
            raise InvalidInput(
                f"{place}: frame {frame} of object {object_id}; "
                f"allowed are frames to {_MAX_FRAMES - 1} and objects from 1 to 254"
            )
        if not gone and not (0 <= top <= y <= bottom < math.inf and 0 <= left <= x <= right < math.inf):
            raise InvalidInput(
                f"{place}: the centre ({y}, {x}) is not inside its box ({top}, {left}) to ({bottom}, {right})"
            )
        if frame in rows.setdefault(object_id, {}):
            raise InvalidInput(f"{place}: frame {frame} of object {object_id} a second time")
        if len(rows) > MAX_OBJECTS:
            raise InvalidInput(f"{place}: more than {MAX_OBJECTS} objects")
        rows[object_id][frame] = [*row[:_BOX], 0.0] if gone else row
        names[object_id] = name
    frames = 1 + max((max(numbers) for numbers in rows.values()), default=-1)
    return tuple(
        track_of(i, names[i], [(f, tuple(r)) for f, r in rows[i].items()], frames) for i in sorted(rows)
    )
