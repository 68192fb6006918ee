"""diskcache without pickles: text, numbers, bytes and files under text keys; what is written is whole."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import diskcache

from vos.errors import DamagedResult
from vos.folders import sqlite_code
from vos.owned import exclusive
from vos.store.index import UNUSABLE, move_database_aside, note

log = logging.getLogger(__name__)

COLUMNS = (
    "key",
    "raw",
    "store_time",
    "expire_time",
    "access_time",
    "access_count",
    "tag",
    "size",
    "mode",
    "filename",
    "value",
)  # of diskcache's table
KEEP_S = 30 * 86400  # for a text whose row, with its time, was lost
TEXTS = "texts"  # the folder of values that are text, a folder a key


class PlainDisk(diskcache.Disk):  # type: ignore[misc]
    """A diskcache Disk that keeps str keys and str, int, float, bytes and file values only.

    The default Disk runs code found in the database (CVE-2025-69872), so pickles are refused both
    ways: they are never written, and a planted one raises DamagedResult.
    """

    def put(self, key: object) -> tuple[object, bool]:
        """Return the database form of a key."""
        if type(key) is not str:
            raise TypeError(f"store keys are str; got {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: bool) -> object:
        """Return the key of a database row."""
        if not raw or type(key) is not str:
            log.warning("the result store has a row whose key is not plain text; it is not read")
            return ""
        return key

    def filename(self, key: object = diskcache.core.UNKNOWN, value: object = None) -> tuple[str, str]:
        """Return a new file's name, under its key, so that a lost database can be made anew."""
        name, _ = super().filename(key, value)
        if isinstance(key, str):
            name = f"{TEXTS}/{quote(key, safe='')}/{Path(name).name}"
        return name, str(Path(self._directory) / name)

    def _write(self, full_path: str, iterator: Iterable[Any], mode: str, encoding: str | None = None) -> int:
        try:
            return int(super()._write(full_path, iterator, mode, encoding))
        except BaseException:  # a full disk: what was half written must not stay
            with contextlib.suppress(OSError):
                Path(full_path).unlink()
            raise

    def store(self, value: object, read: bool, key: object = diskcache.core.UNKNOWN) -> tuple[Any, ...]:
        """Return the database form of a value."""
        if not read and type(value) not in (str, int, float, bytes):
            raise TypeError(f"store values are str, int, float, bytes or files; got {type(value).__name__}")
        stored: tuple[Any, ...] = super().store(value, read, key)
        return stored

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> object:
        """Return the value of a database row."""
        if mode not in (diskcache.core.MODE_RAW, diskcache.core.MODE_BINARY, diskcache.core.MODE_TEXT):
            raise DamagedResult("the result store has a pickled row; it is not read, since reading runs code")
        return super().fetch(mode, filename, value, read)


class PlainCache(diskcache.Cache):  # type: ignore[misc]
    """A diskcache Cache on PlainDisk that evicts nothing by itself and keeps each text in a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            str(folder),
            disk=PlainDisk,
            disk_min_file_size=0,
            eviction_policy="none",
            cull_limit=0,
            tag_index=True,
            size_limit=2**62,
        )

    def get(self, key: str, default: object = None, *args: Any, **options: Any) -> Any:
        """Return a value; one that another process replaces meanwhile is read again, not missed."""
        for _ in range(100):
            value = super().get(key, default, *args, **options)
            if value is not default or key not in self:
                break
        return value

    def set(self, key: str, value: object, *args: Any, **options: Any) -> bool:
        """Set a value; its file is written in the transaction, so `check` never takes it for lost."""
        with self.transact(retry=True):
            return bool(super().set(key, value, *args, **options))

    def lost_files(self, *, remove: bool) -> list[str]:
        """Return what is wrong with the database and its files, a sentence each."""
        with warnings.catch_warnings(record=True):
            found = self.check(fix=remove)
        return [str(w.message) for w in found if not issubclass(w.category, diskcache.EmptyDirWarning)]

    def restore(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Take over rows of a lost database, then text files that no row knows, the newest of each key."""
        marks = ", ".join("?" * len(COLUMNS))
        with self.transact():
            for row in rows:
                self._sql(f"INSERT OR IGNORE INTO Cache ({', '.join(COLUMNS)}) VALUES ({marks})", row)
            known = {name for (name,) in self._sql("SELECT filename FROM Cache").fetchall()}
            folder = Path(self.directory)
            found = [
                path for path in folder.glob(f"{TEXTS}/*/*") if str(path.relative_to(folder)) not in known
            ]
            saved = {path: path.stat().st_mtime for path in found}
            for path in sorted(found, key=lambda path: saved[path], reverse=True):
                if (key := unquote(path.parent.name)) not in self:
                    left_s = max(1.0, KEEP_S - (time.time() - saved[path]))
                    self.set(key, path.read_text(encoding="utf-8"), expire=left_s, tag="draft")
        for path in found:
            path.unlink()


def open_cache(folder: Path, aside: Path) -> PlainCache | None:
    """Return the cache in a folder, or None where nothing can be written.

    A database that cannot be read is moved into `aside`; what can be read of it comes into a new one.
    """
    path = folder / "cache.db"
    try:
        if path.exists() and not _is_sound(path):
            with exclusive(folder.with_suffix(".lock")):
                if not _is_sound(path):  # else another thread or process has mended it
                    return _mend(path, aside)
        return PlainCache(folder)
    except (sqlite3.DatabaseError, OSError) as error:
        log.warning("drafts cannot be kept in %s: %s", folder, error)
    return None


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as error:
        if sqlite_code(error) not in UNUSABLE:
            raise
        return False


def _mend(path: Path, aside: Path) -> PlainCache:
    kept = move_database_aside(path, aside)
    sentence = "the database of drafts could not be read; what could be read is kept in a new one"
    log.warning("%s", sentence)
    note(kept, sentence)
    cache = PlainCache(path.parent)
    cache.restore(_readable(kept / path.name))
    return cache


def _readable(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a damaged database that can be read, one by one."""
    question = f"SELECT {', '.join(COLUMNS)} FROM Cache WHERE rowid = ?"
    with closing(sqlite3.connect(path)) as connection:
        try:
            last = connection.execute("SELECT MAX(rowid) FROM Cache").fetchone()[0] or 0
        except sqlite3.DatabaseError:
            return
        for rowid in range(1, last + 1):
            with contextlib.suppress(sqlite3.DatabaseError):
                yield from connection.execute(question, (rowid,)).fetchall()
