"""The folders of results and their index, kept in step: what changes both does so under the index's lock."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vos.errors import DamagedResult
from vos.store import rows
from vos.store.bin import KEEP_S, Bin
from vos.store.folder import NAMES, read_entry, read_text, take_file, write_meta
from vos.store.index import Index
from vos.store.marks import Marks
from vos.store.mender import GONE, Mender, read_whole
from vos.store.rows import Entry, Page
from vos.types import Result

log = logging.getLogger(__name__)

SWEEP_S = 0.1  # that a put spends on deleting files of results that made room
TOUCH_S = 3600  # how exactly it is known when a result was last used


class Shelf:
    """Results in `kept/`, a folder each that appears and goes by being renamed; no name comes twice."""

    def __init__(self, folder: Path) -> None:
        self.kept, self.aside = folder / "kept", folder / "set_aside"
        with contextlib.suppress(OSError):  # a disk that can only be read
            self.kept.mkdir(exist_ok=True)
        self.index = Index(folder / "index.db", self.aside, self._mended)
        self.mender = Mender(self.kept, self.aside, self.index)
        self.bin = Bin(folder / "deleted", self.index)
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
            result = read_whole(self.kept / str(folder), str(text), result_id)
        except DamagedResult as error:
            return self.mender.look_again(result_id, error)
        if not isinstance(used, float) or time.time() - used > TOUCH_S:
            self._touch(result_id)
        return result

    def add(self, folder: Path, entry: Entry, limit_bytes: int) -> Result:
        """Take a folder in, unless the same result is there whole; return it. Above the limit others go."""
        with self.index.change() as connection:
            if (known := self.mender.find_whole(connection, entry.row.id)) is not None:
                return known
            target = self.kept / f"{entry.row.id}.{secrets.token_hex(4)}"
            os.rename(folder, target)
            try:
                result, _, _ = read_text(entry.text, target)
                entry = dataclasses.replace(entry, folder=target.name, used=time.time())
                rows.insert(connection, entry)
                leaving = rows.surplus(connection.execute(rows.SIZES).fetchall(), limit_bytes, entry.row.id)
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
            for folder in self.mender.folders(result_id):
                entry = take_file(self.kept / folder, name, path, own)
                rows.insert(connection, dataclasses.replace(entry, used=time.time()))
                leaving = rows.surplus(connection.execute(rows.SIZES).fetchall(), limit_bytes, result_id)
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
            leaving = [(result_id, name) for name in self.mender.folders(result_id)]
            for _, name in leaving:
                os.rename(self.kept / name, self.kept / f"{name}{GONE}")
        for _, name in leaving:
            shutil.rmtree(self.kept / f"{name}{GONE}", ignore_errors=True)
        with self.index.change() as connection:
            rows.remove(connection, leaving)

    def put_aside(self, result_id: str) -> None:
        """Move a result into the bin."""
        with self.index.change() as connection:
            for name in self.mender.folders(result_id):
                try:
                    _, entry = read_entry(self.kept / name)
                except DamagedResult as error:
                    self.mender.set_aside(name, str(error))
                else:
                    self.bin.take(connection, self.kept / name, entry)
                rows.remove(connection, [(result_id, name)])

    def empty_bin(self, keep_s: float = KEEP_S, most_s: float = math.inf) -> None:
        """Let go for good of what has been in the bin for so long; most_s as in `sweep`.

        Files go before their rows, so that a full disk has room to note that.
        """
        if names := self.bin.old(keep_s):
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    os.rename(self.bin.folder / name, self.kept / f"{name}{GONE}")
            self.sweep(most_s)
            with self.index.change() as connection:
                self.bin.forget(connection, names)

    def bring_back(self, result_id: str) -> Result | None:
        """Take a result out of the bin, unless the same is there; return it, or None when it is gone."""
        with self.index.change() as connection:
            if not self.mender.folders(result_id) and (
                found := self.bin.give(connection, result_id, self.kept)
            ):
                self.mender.adopt(connection, found.name)
        return self.get(result_id)

    def describe_anew(
        self, result_id: str, change: Callable[[Result, Marks], tuple[Result, Marks]]
    ) -> tuple[Result, Marks] | None:
        """Change what a result is called and what is set on it; return both, None when it is gone."""
        with self.index.change() as connection:
            for name in self.mender.folders(result_id):
                result, entry = read_entry(self.kept / name)
                result, marks = change(result, entry.marks)
                entry = write_meta(self.kept / name, result, json.loads(entry.text)["sizes"], marks)
                rows.insert(connection, dataclasses.replace(entry, used=time.time()))
                return result, marks
        return None

    def page(self, offset: int, count: int, **filters: Any) -> Page:
        """Return a page of rows; a row that does not read is made anew from its result's files."""
        for _ in range(10):
            try:
                return self.index.page(offset, count, **filters)
            except DamagedResult:
                self.mender.mend_rows()
        raise DamagedResult("the index of results is damaged again and again")

    def reconcile(self) -> None:
        """Bring the index in step with the folders, those in the bin included."""
        self.mender.reconcile()
        self.bin.reconcile()

    def clip(self, digest: str) -> Path | None:
        """Return the stored clip of a sha256, or None."""
        for name, _ in self.index.ask("SELECT folder, id FROM results WHERE digest = ?", digest):
            path = self.kept / str(name) / NAMES["source"]
            if path.is_file():
                return path
        return None

    def used_bytes(self) -> int:
        """Return the disk space of all results, deleted ones included, each clip counted once."""
        return rows.used_bytes(self.index.ask(f"{rows.DELETED_SIZES} UNION ALL SELECT * FROM ({rows.SIZES})"))

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
