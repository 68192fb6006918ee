"""The index of all results in one SQLite file; it can be made anew, and is when it cannot be read."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from vos.folders import sqlite_code
from vos.owned import exclusive
from vos.store import rows
from vos.store.rows import Page

T = TypeVar("T")

WAIT_S = 30
WHY = "why.txt"
UNUSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


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

    def page(
        self,
        offset: int,
        count: int,
        *,
        search: str,
        sort: str,
        engine: str,
        digest: str,
        tag: str,
        pinned: bool,
    ) -> Page:
        """Return the rows of a page; Raises DamagedResult when one does not hold what it should."""
        where, values = rows.select(search, engine, digest, tag, pinned)
        found = self.ask(
            f"SELECT {rows.COLUMNS} {where} ORDER BY {rows.SORTS[sort]} LIMIT ? OFFSET ?",
            *values,
            count,
            offset,
        )
        total = self.ask(f"SELECT COUNT(*) {where}", *values)[0][0]
        return Page(tuple(rows.row_of(row) for row in found), int(str(total)))

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
            self._keeper.executescript(rows.SCHEMA)
            rows.upgrade(self._keeper)
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
