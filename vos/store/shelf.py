"""The folders of results and their index, kept in step: what changes both does so under the index's lock."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from vos.errors import DamagedResult
from vos.store import index as rows
from vos.store.bin import Bin
from vos.store.folder import META, NAMES, describe, entry_of, read_entry, read_text, take_file, write_meta
from vos.store.index import Entry, Index, Page, note
from vos.types import Result

log = logging.getLogger(__name__)

GONE = ".gone"  # ends the name of a folder that is being removed
SWEEP_S = 0.1  # that a put spends on deleting files of results that made room
TOUCH_S = 3600  # how exactly it is known when a result was last used


class Shelf:
    """Results in `kept/`, a folder each that appears and goes by being renamed; no name comes twice."""

    def __init__(self, folder: Path) -> None:
        self.kept, self.aside = folder / "kept", folder / "set_aside"
        with contextlib.suppress(OSError):  # a disk that can only be read
            self.kept.mkdir(exist_ok=True)
        self.index = Index(folder / "index.db", self.aside, self._mended)
        self.index.open()

    def get(self, result_id: str) -> Result | None:
        """Return a result, whole, or None; a damaged one is set aside."""
        found = self.index.ask(
            "SELECT folder, used, text FROM results LEFT JOIN texts USING (id) WHERE id = ?", result_id
        )
        if not found:
            return None
        folder, used, text = found[0]
        try:
            result = _read_whole(self.kept / str(folder), str(text), result_id)
        except DamagedResult as error:
            return self._look_again(result_id, error)
        if not isinstance(used, float) or time.time() - used > TOUCH_S:
            self._touch(result_id)
        return result

    def add(self, folder: Path, entry: Entry, limit_bytes: int) -> Result:
        """Take a folder in, unless the same result is there whole; return it. Above the limit others go."""
        with self.index.change() as connection:
            if (known := self._find_whole(connection, entry.row.id)) is not None:
                return known
            target = self.kept / f"{entry.row.id}.{secrets.token_hex(4)}"
            os.rename(folder, target)
            try:
                result, _ = read_text(entry.text, target)
                entry = dataclasses.replace(entry, folder=target.name, used=time.time())
                rows.insert(connection, entry)
                leaving = rows.surplus(connection, limit_bytes, keep=entry.row.id)
                rows.remove(connection, leaving)
                connection.commit()
            except BaseException:
                os.rename(target, folder)
                raise
        self._make_room(leaving)
        return result

    def add_file(
        self, result_id: str, name: str, path: Path, own: tuple[Path, ...], limit_bytes: int
    ) -> Path | None:
        """Keep another file with a result, in place of those whose name has the same beginning; None: gone.

        Above the limit other results go.
        """
        leaving: list[tuple[str, str]] = []
        with self.index.change() as connection:
            for folder in self._folders(result_id):
                entry = take_file(self.kept / folder, name, path, own)
                rows.insert(connection, dataclasses.replace(entry, used=time.time()))
                leaving = rows.surplus(connection, limit_bytes, keep=result_id)
                rows.remove(connection, leaving)
                break
            else:
                return None
        self._make_room(leaving)
        return self.kept / folder / name

    def sweep(self, most_s: float = math.inf) -> None:
        """Delete files of results that are gone, for so long at the most; the next call goes on with it."""
        until = time.monotonic() + most_s
        for path in self.gone():
            shutil.rmtree(path, ignore_errors=True)
            if time.monotonic() >= until:
                break

    def gone(self) -> list[Path]:
        """Return the folders of results that are gone, whose files are still to be deleted."""
        names = os.listdir(self.kept) if self.kept.is_dir() else []
        return [self.kept / name for name in names if name.endswith(GONE)]

    def remove(self, result_id: str) -> None:
        """Remove a result; its files go before its row, so that a full disk has room to note that."""
        with contextlib.ExitStack() as lock:
            try:
                lock.enter_context(self.index.change())  # a put that is under way comes before or after
            except sqlite3.OperationalError as error:
                log.info("a result is removed without the index's lock: %s", error)
            leaving = [(result_id, name) for name in self._folders(result_id)]
            for _, name in leaving:
                os.rename(self.kept / name, self.kept / f"{name}{GONE}")
        for _, name in leaving:
            shutil.rmtree(self.kept / f"{name}{GONE}", ignore_errors=True)
        with self.index.change() as connection:
            rows.remove(connection, leaving)

    def put_aside(self, result_id: str, to: Bin) -> None:
        """Move a result into the bin."""
        with self.index.change() as connection:
            leaving = [(result_id, name) for name in self._folders(result_id)]
            for _, name in leaving:
                target = to.place(name)
                os.rename(self.kept / name, target)
                os.utime(target)
            rows.remove(connection, leaving)

    def bring_back(self, result_id: str, bin_: Bin) -> Result | None:
        """Take a result out of the bin, unless the same is there; return it, or None when it is gone."""
        with self.index.change() as connection:
            if (found := bin_.find(result_id)) is not None and not self._folders(result_id):
                os.rename(found, self.kept / found.name)
                self._adopt(connection, found.name)
        return self.get(result_id)

    def describe_anew(self, result_id: str, *, title: str, names: Mapping[int, str]) -> Result | None:
        """Give a result another title and other names of its objects; None when it is gone."""
        with self.index.change() as connection:
            for name in self._folders(result_id):
                result, entry = read_entry(self.kept / name)
                result = dataclasses.replace(result, title=title, names=names)
                sizes = json.loads(entry.text)["sizes"]
                text = describe(result, sizes)
                write_meta(self.kept / name, text)
                rows.insert(
                    connection, dataclasses.replace(entry_of(result, sizes, name, text), used=time.time())
                )
                return result
        return None

    def page(self, offset: int, count: int, **filters: str) -> Page:
        """Return a page of rows; a row that does not read is made anew from its result's files."""
        for _ in range(10):
            try:
                return self.index.page(offset, count, **filters)
            except DamagedResult:
                self._mend_rows()
        raise DamagedResult("the index of results is damaged again and again")

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
                    done.append(self._adopt(connection, name))
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
                _read_whole(self.kept / str(name), (self.kept / str(name) / META).read_text(), str(result_id))
            except (DamagedResult, OSError, ValueError) as error:
                found.append(f"result {str(result_id)[:12]} does not read back: {error}")
                if repair:
                    self._look_again(str(result_id), DamagedResult(str(error)))
        return found

    def notes(self) -> list[str]:
        """Return why each thing in `set_aside/` is there."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.aside.iterdir()):
                with contextlib.suppress(OSError):
                    found.append((path / rows.WHY).read_text(encoding="utf-8").strip())
        return found

    def clip(self, digest: str) -> Path | None:
        """Return the stored clip of a sha256, or None."""
        for name, _ in self.index.ask("SELECT folder, id FROM results WHERE digest = ?", digest):
            path = self.kept / str(name) / NAMES["source"]
            if path.is_file():
                return path
        return None

    def used_bytes(self) -> int:
        """Return the disk space of all results, each clip counted once."""
        return rows.used_bytes(self.index.ask(rows.SIZES))

    def _mend_rows(self) -> None:
        for row in self.index.ask(f"SELECT {rows.COLUMNS} FROM results"):
            try:
                rows.Row(*row)  # type: ignore[arg-type]
            except DamagedResult as error:
                log.warning("a row of the index is damaged and is made anew: %s", error)
                with self.index.change() as connection:
                    connection.execute("DELETE FROM results WHERE id IS ?", (row[0],))
        self.reconcile()

    def _look_again(self, result_id: str, error: DamagedResult) -> Result | None:
        """Return a result whose row and files do not agree, by its own description, or set it aside."""
        found = None
        with self.index.change() as connection:
            for name in self._folders(result_id):
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

    def _find_whole(self, connection: sqlite3.Connection, result_id: str) -> Result | None:
        for name in self._folders(result_id):
            try:
                result, entry = read_entry(self.kept / name)
            except DamagedResult as why:
                self.set_aside(name, str(why))
            else:
                rows.insert(connection, entry)
                return result
        return None

    def _folders(self, result_id: str) -> list[str]:
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

    def _adopt(self, connection: sqlite3.Connection, name: str) -> str:
        try:
            result, entry = read_entry(self.kept / name)
            if not name.startswith(f"{result.id}."):
                raise DamagedResult("it describes another result")
        except DamagedResult as error:
            return self.set_aside(name, str(error))
        rows.insert(connection, entry)
        return f"result {name[:12]} was not listed; it is now"

    def _make_room(self, leaving: list[tuple[str, str]]) -> None:
        for result_id, name in leaving:
            log.info("result %s makes room for newer ones", result_id)
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                os.rename(self.kept / name, self.kept / f"{name}{GONE}")
        self.sweep(SWEEP_S)

    def _touch(self, result_id: str) -> None:
        try:
            with self.index.change() as connection:
                connection.execute("UPDATE results SET used = ? WHERE id = ?", (time.time(), result_id))
        except sqlite3.OperationalError as error:  # a read-only or full disk is no reason not to show it
            log.info("it is not noted that result %s was used: %s", result_id, error)

    def _mended(self, sentence: str) -> None:
        if sentence:
            log.warning("%s", sentence)
        self.reconcile()


def _read_whole(folder: Path, text: str, result_id: str) -> Result:
    result, _ = read_text(text, folder)
    if result.id != result_id:
        raise DamagedResult(f"its row describes the result {result.id[:12]}")
    return result
