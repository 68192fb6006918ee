"""Results that were deleted, for a day: they can be brought back, and go for good afterwards."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from vos.errors import DamagedResult
from vos.store.folder import read_entry
from vos.store.index import Index
from vos.store.rows import Entry

KEEP_S = 86400.0


@dataclass(frozen=True)
class Deleted:
    """A result in the bin: `at` is when it was deleted, in seconds since 1970."""

    id: str
    title: str
    at: float


class Bin:
    """A folder of results' folders, and a table of them; each appears and goes by being renamed."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder, self._index = folder, index

    def take(self, connection: sqlite3.Connection, folder: Path, entry: Entry) -> None:
        """Move a result's folder in here."""
        self.folder.mkdir(exist_ok=True)
        target = self.folder / folder.name
        os.rename(folder, target)
        os.utime(target)
        _insert(connection, target, entry)

    def give(self, connection: sqlite3.Connection, result_id: str, to: Path) -> Path | None:
        """Move the folder of a result that was deleted last into `to`; return where it is, or None."""
        found = connection.execute(
            "SELECT folder FROM deleted WHERE id = ? AND at > ? ORDER BY at DESC",
            (result_id, time.time() - KEEP_S),
        ).fetchone()
        if found is None or not (self.folder / found[0]).is_dir():
            return None
        os.rename(self.folder / found[0], to / found[0])
        self.forget(connection, [found[0]])
        return to / str(found[0])

    def all(self) -> list[Deleted]:
        """Return what can be brought back, the newest first."""
        found = self._index.ask(
            "SELECT id, title, at FROM deleted WHERE at > ? AND id != '' ORDER BY at DESC",
            time.time() - KEEP_S,
        )
        return [Deleted(str(result_id), str(title), float(str(at))) for result_id, title, at in found]

    def old(self, keep_s: float = KEEP_S) -> list[str]:
        """Return the names of the folders that have been here for so long."""
        found = self._index.ask("SELECT folder FROM deleted WHERE at <= ?", time.time() - keep_s)
        return [str(name) for (name,) in found]

    def forget(self, connection: sqlite3.Connection, names: list[str]) -> None:
        """Take folders that are not here any more out of the table."""
        connection.executemany("DELETE FROM deleted WHERE folder = ?", [(name,) for name in names])

    def reconcile(self) -> None:
        """Bring folders and table in step: after a crash, or where an earlier version had no table."""
        names = set(os.listdir(self.folder)) if self.folder.is_dir() else set()
        if names == {name for (name,) in self._index.ask("SELECT folder FROM deleted")}:
            return
        with self._index.change() as connection:
            known = {str(name) for (name,) in connection.execute("SELECT folder FROM deleted")}
            self.forget(connection, [name for name in known if not (self.folder / name).is_dir()])
            for name in names - known:
                try:
                    _, entry = read_entry(self.folder / name)
                except DamagedResult:  # it is not offered, and goes when its day is over
                    entry = None
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    _insert(connection, self.folder / name, entry)


def _insert(connection: sqlite3.Connection, folder: Path, entry: Entry | None) -> None:
    row = ("", "", folder.stat().st_mtime, 0, "", 0)
    if entry:
        row = entry.row.id, entry.row.title, row[2], entry.row.bytes, entry.row.digest, entry.clip_bytes
    connection.execute("INSERT OR REPLACE INTO deleted VALUES (?, ?, ?, ?, ?, ?, ?)", (folder.name, *row))
