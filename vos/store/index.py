"""The index of all results in one SQLite file: rows for lists and the text of each; it can be made anew."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from vos.errors import DamagedResult
from vos.folders import sqlite_code
from vos.owned import exclusive

T = TypeVar("T")

SORTS = {
    "newest": "created DESC, id",
    "oldest": "created, id",
    "title": "sought, id",
    "largest": "bytes DESC, id",
}
WAIT_S = 30
WHY = "why.txt"
UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS results (
    id TEXT PRIMARY KEY, title TEXT, engine TEXT, created REAL, frames INTEGER, bytes INTEGER,
    objects INTEGER, digest TEXT, folder TEXT, clip_bytes INTEGER, used REAL, sought TEXT);
CREATE TABLE IF NOT EXISTS texts (id TEXT PRIMARY KEY, text TEXT);
CREATE INDEX IF NOT EXISTS by_created ON results (created);
CREATE INDEX IF NOT EXISTS by_sought ON results (sought);
CREATE INDEX IF NOT EXISTS by_bytes ON results (bytes);
CREATE INDEX IF NOT EXISTS by_clip ON results (digest, clip_bytes);
"""


@dataclass(frozen=True)
class Row:
    """A result in a list: `created` in seconds since 1970, `bytes` without the clip's, `objects` how many.

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

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kind = getattr(self, field.name), {"str": str, "int": int, "float": float}[str(field.type)]
            if type(value) is not kind:
                raise DamagedResult(f"{field.name} of a result is {value!r}; {field.type} is expected")


@dataclass(frozen=True)
class Entry:
    """All that the index keeps of a result: its row, its folder's name, its text, the clip's size.

    `sought` is what a search looks through: the title and the objects' names.
    """

    row: Row
    folder: str
    text: str
    clip_bytes: int
    used: float
    sought: str


@dataclass(frozen=True)
class Page:
    """Some rows of the many that match, and how many match."""

    rows: tuple[Row, ...]
    total: int


COLUMNS = ", ".join(field.name for field in fields(Row))


class Index:
    """One SQLite file; readers do not wait for writers. Each call has a connection of its own.

    A file that SQLite cannot read is moved into `aside`, a new one begun, and `mended(sentence)` fills it.
    """

    def __init__(self, path: Path, aside: Path, mended: Callable[[str], None]) -> None:
        self._path, self._aside, self._mended = path, aside, mended
        self._keeper: sqlite3.Connection | None = None  # while it is open, none that closes tidies the log

    def open(self) -> None:
        """Begin or mend the file; one on a disk that can only be read stays as it is."""
        try:
            self._begin()
        except sqlite3.DatabaseError as error:
            if sqlite_code(error) in UNUSABLE:
                self._mend(error)
            elif not self._path.exists():
                raise

    def close(self) -> None:
        """Let go of the file; a later call opens it again."""
        if self._keeper:
            self._keeper.close()
            self._keeper = None

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction that no other writer shares; an exception takes all back."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if connection.in_transaction:
                    connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have done so by itself
                    connection.execute("ROLLBACK")
                raise

    def ask(self, question: str, *values: object) -> list[tuple[object, ...]]:
        """Return all rows that a SELECT finds; a file that cannot be read is mended first."""
        return self.mending(lambda: self._ask(question, values))

    def mending(self, work: Callable[[], T]) -> T:
        """Do work with the index; when SQLite cannot read it, make it anew and do the work again."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not self._is_unusable(error):
                raise
            self._mend(error)
            return work()

    def page(self, offset: int, count: int, *, search: str, sort: str, engine: str, digest: str) -> Page:
        """Return the rows of a page; Raises DamagedResult when one does not hold what it should."""
        conditions = {
            "instr(sought, ?)": search.strip().casefold(),
            "engine = ?": engine,
            "digest = ?": digest,
        }
        used = {condition: value for condition, value in conditions.items() if value}
        where = f"FROM results WHERE {' AND '.join(['1', *used])}"
        rows = self.ask(
            f"SELECT {COLUMNS} {where} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?", *used.values(), count, offset
        )
        total = self.ask(f"SELECT COUNT(*) {where}", *used.values())[0][0]
        return Page(tuple(Row(*row) for row in rows), int(str(total)))  # type: ignore[arg-type]

    def _ask(self, question: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        try:
            with self._connection() as connection:
                return connection.execute(question, values).fetchall()
        except sqlite3.OperationalError as error:
            if sqlite_code(error) in UNUSABLE or not self._path.exists():
                raise
        # a read-only or full disk, where the log's shared memory cannot be made
        with closing(sqlite3.connect(self._uri("immutable=1"), uri=True)) as connection:
            return connection.execute(question, values).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        uri = self._uri("mode=rw")
        with closing(sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection

    def _uri(self, how: str) -> str:
        return f"{self._path.absolute().as_uri()}?{how}"

    def _begin(self) -> None:
        self.close()
        self._keeper = sqlite3.connect(
            self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._keeper.executescript(_SCHEMA)
            if (found := self._keeper.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise _damaged(found)
        except BaseException:
            self.close()
            raise

    def _is_unusable(self, error: sqlite3.DatabaseError) -> bool:
        return sqlite_code(error) in UNUSABLE or "no such table" in str(error) or not self._path.exists()

    def _mend(self, error: sqlite3.DatabaseError) -> None:
        with exclusive(self._path.with_suffix(".lock")):
            sentence = ""
            try:
                self._begin()  # it was removed, or another process has mended it
            except sqlite3.DatabaseError as still:
                if sqlite_code(still) not in UNUSABLE:
                    raise
                aside = move_database_aside(self._path, self._aside)
                sentence = f"the index could not be read ({error}); it was made anew from the results' files"
                note(aside, sentence)
                self._begin()
        self._mended(sentence)


def insert(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write one result into the index, in place of its earlier row."""
    row = entry.row
    values = (*astuple(row), entry.folder, entry.clip_bytes, entry.used, entry.sought)
    connection.execute(f"INSERT OR REPLACE INTO results VALUES ({', '.join('?' * len(values))})", values)
    connection.execute("INSERT OR REPLACE INTO texts VALUES (?, ?)", (row.id, entry.text))


def remove(connection: sqlite3.Connection, found: list[tuple[str, str]]) -> None:
    """Take results out of the index, by id and folder; an id that has another folder by now stays."""
    connection.executemany("DELETE FROM results WHERE id = ? AND folder = ?", found)
    connection.executemany(
        "DELETE FROM texts WHERE id = ? AND NOT EXISTS (SELECT 1 FROM results WHERE results.id = texts.id)",
        [(result_id,) for result_id, _ in found],
    )


SIZES = "SELECT id, folder, digest, bytes, clip_bytes FROM results ORDER BY used, created"


def used_bytes(found: list[Any]) -> int:
    """Return the disk space of the results that SIZES finds, each clip counted once."""
    clips = {digest: clip_bytes for _, _, digest, _, clip_bytes in found}
    return int(sum(own for _, _, _, own, _ in found) + sum(clips.values()))


def surplus(connection: sqlite3.Connection, limit_bytes: int, keep: str) -> list[tuple[str, str]]:
    """Return id and folder of the results that must go for the limit, least recently used first."""
    found = connection.execute(SIZES).fetchall()
    taken_bytes, users = used_bytes(found), Counter(digest for _, _, digest, _, _ in found)
    leaving = []
    for result_id, folder, digest, own, clip_bytes in found:
        if taken_bytes <= limit_bytes:
            break
        if result_id != keep:
            leaving.append((result_id, folder))
            users[digest] -= 1
            taken_bytes -= own + (0 if users[digest] else clip_bytes)
    return leaving


def move_database_aside(path: Path, aside: Path) -> Path:
    """Move a SQLite file, with its log, into a new folder in `aside`; return that folder."""
    folder = aside / f"{path.stem}.{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    return folder


def note(folder: Path, sentence: str) -> None:
    """Write beside what was set aside why it was; a full disk is no reason to stop."""
    with contextlib.suppress(OSError):
        (folder / WHY).write_text(sentence + "\n", encoding="utf-8")


def _damaged(found: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
