"""Index and folders brought in step again; what is damaged is set aside, never deleted."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from pathlib import Path

from vos.errors import DamagedResult
from vos.store import index as database
from vos.store import rows
from vos.store.folder import META, read_entry, read_text
from vos.store.index import Index, note
from vos.types import Result

log = logging.getLogger(__name__)

GONE = ".gone"  # ends the name of a folder that is being removed


class Mender:
    """Looks over the folders in `kept` and the index that lists them; the folders are what counts."""

    def __init__(self, kept: Path, aside: Path, index: Index) -> None:
        self.kept, self.aside, self.index = kept, aside, index

    def reconcile(self) -> list[str]:
        """Bring index and folders in step and return what was not, a sentence each."""
        if not self._differences():
            return []
        with self.index.change() as connection:
            done = []
            for name, indexed in self._differences(connection).items():
                if indexed:
                    rows.remove(connection, [(indexed, name)])
                    done.append(f"result {indexed[:12]} was listed, but its files are gone")
                else:
                    done.append(self.adopt(connection, name))
        if done:  # else another process was faster
            log.warning("the list of results was wrong in %d places, first: %s", len(done), done[0])
        return done

    def set_aside(self, name: str, why: str) -> str:
        """Move a folder of `kept/` out of the way, deleting nothing; return the sentence kept with it."""
        sentence = f"result {name[:12]} is damaged and was set aside: {why}"
        log.warning("%s", sentence)
        with contextlib.suppress(FileNotFoundError):
            self.aside.mkdir(exist_ok=True)
            os.rename(self.kept / name, self.aside / name)
            note(self.aside / name, sentence)
        return sentence

    def verify(self, *, repair: bool) -> list[str]:
        """Read every result and compare it with its row; return what is wrong, a sentence each."""
        if repair:
            found = self.reconcile()
        else:
            found = [
                f"result {(result_id or name)[:12]}: "
                + ("its files are gone" if result_id else "it is not listed")
                for name, result_id in self._differences().items()
            ]
        for name, result_id in self.index.ask("SELECT folder, id FROM results"):
            try:
                read_whole(self.kept / str(name), (self.kept / str(name) / META).read_text(), str(result_id))
            except (DamagedResult, OSError, ValueError) as error:
                found.append(f"result {str(result_id)[:12]} does not read back: {error}")
                if repair:
                    self.look_again(str(result_id), DamagedResult(str(error)))
        return found

    def notes(self) -> list[str]:
        """Return why each thing in `set_aside/` is there."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.aside.iterdir()):
                with contextlib.suppress(OSError):
                    found.append((path / database.WHY).read_text(encoding="utf-8").strip())
        return found

    def mend_rows(self) -> None:
        """Make rows that hold nonsense anew from their results' files."""
        for row in self.index.ask(f"SELECT {rows.COLUMNS} FROM results"):
            try:
                rows.row_of(row)
            except DamagedResult as error:
                log.warning("a row of the index is damaged and is made anew: %s", error)
                with self.index.change() as connection:
                    connection.execute("DELETE FROM results WHERE id IS ?", (row[0],))
        self.reconcile()

    def look_again(self, result_id: str, error: DamagedResult) -> Result | None:
        """Return a result whose row and files do not agree, by its own description, or set it aside."""
        found = None
        with self.index.change() as connection:
            for name in self.folders(result_id):
                try:
                    found, entry = read_entry(self.kept / name)
                    rows.insert(connection, entry)
                except DamagedResult as why:
                    if (self.kept / name).exists():
                        self.set_aside(name, str(why))
            if found is None:
                connection.execute("DELETE FROM results WHERE id = ?", (result_id,))
                connection.execute("DELETE FROM texts WHERE id = ?", (result_id,))
            else:
                log.warning("the row of result %s was made anew: %s", result_id, error)
        return found

    def find_whole(self, connection: sqlite3.Connection, result_id: str) -> Result | None:
        """Return a result whose folder is there, listed from now on; a damaged one is set aside."""
        for name in self.folders(result_id):
            try:
                result, entry = read_entry(self.kept / name)
            except DamagedResult as why:
                self.set_aside(name, str(why))
            else:
                rows.insert(connection, entry)
                return result
        return None

    def folders(self, result_id: str) -> list[str]:
        """Return the names of a result's folders; there is more than one for a moment at the most."""
        if not re.fullmatch(r"\w+", result_id):
            return []
        return [n for n in os.listdir(self.kept) if n.startswith(f"{result_id}.") and not n.endswith(GONE)]

    def _differences(self, connection: sqlite3.Connection | None = None) -> dict[str, str]:
        """Return folders without a row, with "", and rows without a folder, with their id."""
        found = os.listdir(self.kept) if self.kept.is_dir() else []
        names = {name for name in found if not name.endswith(GONE)}
        question = "SELECT folder, id FROM results"
        rows_found = connection.execute(question).fetchall() if connection else self.index.ask(question)
        indexed = {str(folder): str(result_id) for folder, result_id in rows_found}
        return dict.fromkeys(names - set(indexed), "") | {n: i for n, i in indexed.items() if n not in names}

    def adopt(self, connection: sqlite3.Connection, name: str) -> str:
        """List a folder by its own description, or set it aside; return a sentence that says so."""
        try:
            result, entry = read_entry(self.kept / name)
            if not name.startswith(f"{result.id}."):
                raise DamagedResult("it describes another result")
        except DamagedResult as error:
            return self.set_aside(name, str(error))
        rows.insert(connection, entry)
        return f"result {name[:12]} was not listed; it is now"


def read_whole(folder: Path, text: str, result_id: str) -> Result:
    """Return the result that a text describes.

    Raises:
        DamagedResult: as `read_text`, or it is another one.
    """
    result, _, _ = read_text(text, folder)
    if result.id != result_id:
        raise DamagedResult(f"its row describes the result {result.id[:12]}")
    return result
