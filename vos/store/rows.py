"""What the index keeps of a result: a row for lists, its text, and which results go when there is no room."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from vos.errors import DamagedResult
from vos.store.marks import Marks

SORTS = {
    "newest": "created DESC, id",
    "oldest": "created, id",
    "title": "sought, id",
    "largest": "bytes DESC, id",
}
SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS results (
    id TEXT PRIMARY KEY, title TEXT, engine TEXT, created REAL, frames INTEGER, bytes INTEGER,
    objects INTEGER, digest TEXT, folder TEXT, clip_bytes INTEGER, used REAL, sought TEXT);
CREATE TABLE IF NOT EXISTS texts (id TEXT PRIMARY KEY, text TEXT);
CREATE TABLE IF NOT EXISTS deleted (
    folder TEXT PRIMARY KEY, id TEXT, title TEXT, at REAL, bytes INTEGER, digest TEXT, clip_bytes INTEGER);
CREATE INDEX IF NOT EXISTS by_created ON results (created);
CREATE INDEX IF NOT EXISTS by_sought ON results (sought);
CREATE INDEX IF NOT EXISTS by_bytes ON results (bytes);
CREATE INDEX IF NOT EXISTS by_clip ON results (digest, clip_bytes);
"""
ADDED = {
    "pinned": "INTEGER NOT NULL DEFAULT 0",
    "tags": "TEXT NOT NULL DEFAULT ''",
}  # since the first version


@dataclass(frozen=True)
class Row:
    """A result in a list: `created` in seconds since 1970, `bytes` without the clip's, `objects` how many.

    `pinned` and `tags` are as in vos.store.marks.Marks.

    Raises:
        DamagedResult: a field is of another type.
    """

    id: str
    title: str
    engine: str
    created: float
    frames: int
    bytes: int
    objects: int
    digest: str
    pinned: bool = False
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        kinds = {"str": str, "int": int, "float": float, "bool": bool, "tuple[str, ...]": tuple}
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not kinds[str(field.type)]:
                raise DamagedResult(f"{field.name} of a result is {value!r}; {field.type} is expected")


_NAMES = [field.name for field in fields(Row)]
COLUMNS = ", ".join(_NAMES)


@dataclass(frozen=True)
class Entry:
    """All that the index keeps of a result: its row, its folder's name, its text, the clip's size.

    `sought` is what a search looks through: the title, the objects' names and the tags.
    """

    row: Row
    folder: str
    text: str
    clip_bytes: int
    used: float
    sought: str

    @property
    def marks(self) -> Marks:
        """What was set on the result."""
        return Marks(self.row.pinned, self.row.tags)


@dataclass(frozen=True)
class Page:
    """Some rows of the many that match, and how many match."""

    rows: tuple[Row, ...]
    total: int


def upgrade(connection: sqlite3.Connection) -> None:
    """Give the table of an earlier version the columns that were added since."""
    connection.execute("BEGIN IMMEDIATE")  # of several processes one does it
    known = {name for _, name, *_ in connection.execute("PRAGMA table_info(results)")}
    for name, kind in ADDED.items():
        if name not in known:
            connection.execute(f"ALTER TABLE results ADD COLUMN {name} {kind}")
    connection.execute("COMMIT")


def row_of(columns: tuple[Any, ...]) -> Row:
    """Return a row as a SELECT of COLUMNS finds it.

    Raises:
        DamagedResult: a column does not hold what it should.
    """
    values = dict(zip(_NAMES, columns, strict=True))
    marks = marks_of(values["pinned"], values["tags"])
    return Row(**values | {"pinned": marks.pinned, "tags": marks.tags})


def marks_of(pinned: object, tags: object) -> Marks:
    """Return marks as the index has them: 0 or 1, and tags with a line end before and after each.

    Raises:
        DamagedResult: they are something else.
    """
    if pinned not in (0, 1) or not isinstance(tags, str):
        raise DamagedResult(f"the marks of a result are {pinned!r} and {tags!r}")
    return Marks(bool(pinned), tuple(tags.split("\n")[1:-1]))


def select(search: str, engine: str, digest: str, tag: str, pinned: bool) -> tuple[str, list[object]]:
    """Return the end of a SELECT that finds the results that match, and its values; "" matches all."""
    conditions: dict[str, object] = {
        "instr(sought, ?)": search.strip().casefold(),
        "engine = ?": engine,
        "digest = ?": digest,
        "instr(tags, ?)": f"\n{tag}\n" if tag else "",
        "pinned = ?": int(pinned),
    }
    used = {condition: value for condition, value in conditions.items() if value}
    return f"FROM results WHERE {' AND '.join(['1', *used])}", [*used.values()]


def insert(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write one result into the index, in place of its earlier row."""
    row = entry.row
    values = {name: getattr(row, name) for name in _NAMES} | {
        "pinned": int(row.pinned),
        "tags": "".join(f"\n{tag}" for tag in row.tags) + "\n" * bool(row.tags),
        "folder": entry.folder,
        "clip_bytes": entry.clip_bytes,
        "used": entry.used,
        "sought": entry.sought,
    }
    places = ", ".join("?" * len(values))
    connection.execute(
        f"INSERT OR REPLACE INTO results ({', '.join(values)}) VALUES ({places})", [*values.values()]
    )
    connection.execute("INSERT OR REPLACE INTO texts VALUES (?, ?)", (row.id, entry.text))


def remove(connection: sqlite3.Connection, found: list[tuple[str, str]]) -> None:
    """Take results out of the index, by id and folder; an id that has another folder by now stays."""
    connection.executemany("DELETE FROM results WHERE id = ? AND folder = ?", found)
    connection.executemany(
        "DELETE FROM texts WHERE id = ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.id = texts.id)",
        [(result_id,) for result_id, _ in found],
    )


SIZES = "SELECT id, folder, digest, bytes, clip_bytes, pinned FROM results ORDER BY used, created"
DELETED_SIZES = "SELECT id, folder, digest, bytes, clip_bytes, 0 FROM deleted"


def used_bytes(found: list[Any]) -> int:
    """Return the disk space of the results that SIZES finds, each clip counted once."""
    clips = {digest: clip_bytes for _, _, digest, _, clip_bytes, _ in found}
    return int(sum(own for _, _, _, own, _, _ in found) + sum(clips.values()))


def surplus(found: list[Any], limit_bytes: int, keep: str = "") -> list[tuple[str, str]]:
    """Return id and folder of those that SIZES finds that must go for the limit, least recently used first.

    What is pinned stays, and so does `keep`.
    """
    taken_bytes, users = used_bytes(found), Counter(digest for _, _, digest, _, _, _ in found)
    leaving = []
    for result_id, folder, digest, own, clip_bytes, pinned in found:
        if taken_bytes <= limit_bytes:
            break
        if result_id != keep and not pinned:
            leaving.append((result_id, folder))
            users[digest] -= 1
            taken_bytes -= own + (0 if users[digest] else clip_bytes)
    return leaving
