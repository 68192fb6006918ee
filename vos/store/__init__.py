"""Results on disk: put whole, got whole, evicted whole; nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from vos import uploads
from vos.errors import DiskFull, InvalidInput
from vos.folders import explaining
from vos.owned import OwnedFolder, abandoned
from vos.store import old
from vos.store.careful import careful
from vos.store.deleted import DeletedResults
from vos.store.folder import FILES, OPTIONAL, bring, facts, fill
from vos.store.marking import Marking
from vos.store.marks import UNMARKED, Marks
from vos.store.room import Room, loose_bytes
from vos.store.rows import SORTS, Page, Row
from vos.store.shelf import SWEEP_S, Shelf
from vos.store.texts import Texts
from vos.types import Result

__all__ = ["FILES", "OPTIONAL", "Marks", "Page", "Row", "Store", "facts"]

log = logging.getLogger(__name__)


class Store:
    """Stored results in one folder, shared by threads and processes.

    A result is a folder of its own, which appears and goes whole; its clip is a hard link to the same file in
    all results made of it. The index that lists them can be made anew from the folders. What is damaged is
    set aside, never deleted. Above the limit (`limit_bytes` stands for what vos.store.room finds set) whole
    results go, the least recently used first and pinned ones never. `tidy`: what dead processes left is
    removed at once.

    Raises:
        StorageUnavailable: there is no such folder and none can be made. One that can only be read is read.
    """

    def __init__(self, folder: Path, *, limit_bytes: int | None = None, tidy: bool = True) -> None:
        self.folder = folder
        self._work = folder / "work"
        self._own = (self._work, folder / "kept", folder / "uploads")  # whose files nobody writes to again
        with explaining(folder):
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # a disk that can only be read
                folder.chmod(0o700)
            self.shelf = Shelf(folder)
        self.room = Room(folder, self.shelf, limit_bytes)
        self.marking, self.deleted = Marking(folder, self.shelf), DeletedResults(folder, self.shelf)
        self._drafts = Texts(folder / "results", self.shelf.aside)
        if tidy and self._drafts.writable:
            self._tidy()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the databases; a later call opens them again."""
        self.shelf.index.close()
        self._drafts.close()

    @property
    def writable(self) -> bool:
        """Whether results can be put; a read-only or full disk gives earlier ones only."""
        return self._drafts.writable and os.access(self.folder, os.W_OK)

    def workspace(self) -> OwnedFolder:
        """Return a new folder for half-made files, on the same disk, removed when closed.

        Raises:
            StorageUnavailable: the store cannot be written.
        """
        with explaining(self.folder):
            self.shelf.sweep(SWEEP_S)  # room for what comes
            return OwnedFolder(self._work)

    @careful
    def put(self, result: Result, files: Mapping[str, Path], marks: Marks = UNMARKED) -> Result:
        """Store a result whole and return it as stored; when the same is there whole, that one stays.

        `files` has every name of FILES, "source" unless the clip is stored already, and may have OPTIONAL.
        Files in a workspace are linked, so nobody may write to them afterwards; others are copied.

        Raises:
            StorageUnavailable: the store cannot be written, or its disk is full; nothing is left behind.
        """
        missing = [name for name in FILES if name not in files]
        assert not missing, missing
        known = {name: files[name] for name in (*FILES, *OPTIONAL, "source") if name in files}
        limit_bytes = self.room.limit_bytes
        if self.shelf.used_bytes() > limit_bytes:
            self.shelf.empty_bin(0, SWEEP_S)
        with OwnedFolder(self._work) as work:
            clip = Path(work) / "clip"
            if self.link_clip(result.digest, clip):
                known["source"] = clip
            elif "source" not in known:
                raise InvalidInput("the clip of this result is not stored any more; please run it again")
            folder = Path(work) / "result"
            folder.mkdir()
            entry = fill(folder, result, known, self._own, marks)
            stored = self.shelf.add(folder, entry, limit_bytes)
        if self.shelf.get(result.id) is None:  # deleted this moment, or the index was made anew meanwhile
            self.shelf.reconcile()
        return stored

    @careful
    def get(self, result_id: str) -> Result | None:
        """Return a result, or None; a damaged one is set aside, so that it is made again."""
        return self.shelf.get(result_id)

    @careful
    def open_file(self, result_id: str, name: str) -> BinaryIO | None:
        """Return a result's file, open for reading, or None; it reads to its end though the result goes."""
        result = self.shelf.get(result_id)
        with contextlib.suppress(FileNotFoundError):  # it was deleted this moment
            return result.files[name].open("rb") if result and name in result.files else None
        return None

    @careful
    def add_file(self, result_id: str, name: str, path: Path) -> Path:
        """Keep a file, made of a result, with it, in place of earlier ones of its kind; return where it is.

        name: export-KIND-HASH. It counts in the result's size and goes with it.

        Raises:
            InvalidInput: there is no such result.
            StorageUnavailable: the store cannot be written, or its disk is full.
        """
        kept = self.shelf.add_file(result_id, name, path, self._own, self.room.limit_bytes)
        if kept is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        return kept

    @careful
    def borrow(self, result_id: str, folder: Path) -> Result | None:
        """Return a result whose files are links in a workspace: no deletion takes them away; or None."""
        result = self.shelf.get(result_id)
        if result is None:
            return None
        files = {name: folder / path.name for name, path in result.files.items()}
        try:
            for name, path in result.files.items():
                bring(path, files[name], self._own)
        except FileNotFoundError:  # it was deleted this moment
            return None
        return dataclasses.replace(result, files=files)

    @careful
    def link_clip(self, digest: str, target: Path) -> bool:
        """Put the stored clip with these bytes at a path in a workspace, where it stays, if there is one."""
        while (path := self.shelf.clip(digest)) is not None:
            with contextlib.suppress(FileNotFoundError):  # that result was deleted this moment
                bring(path, target, self._own)
                return True
        return False

    @careful
    def page(
        self,
        offset: int = 0,
        count: int = 24,
        *,
        search: str = "",
        sort: str = "newest",
        engine: str = "",
        digest: str = "",
        tag: str = "",
        pinned: bool = False,
    ) -> Page:
        """Return `count` rows from `offset` on of the results that match, and how many match.

        `search` is part of the title, of an object's name or of a tag, whatever its case; `engine`, `digest`
        and `tag` are exact, "" for all; `pinned` leaves out what is not.

        Raises:
            InvalidInput: a sort that is not in vos.store.rows.SORTS.
        """
        if sort not in SORTS:
            raise InvalidInput(f"results are sorted by {', '.join(SORTS)}; got {sort!r}")
        exact = {"engine": engine, "digest": digest, "tag": tag, "pinned": pinned}
        return self.shelf.page(offset, count, search=search, sort=sort, **exact)

    @careful
    def count(self) -> int:
        """Return how many results there are."""
        return int(str(self.shelf.index.ask("SELECT COUNT(*) FROM results")[0][0]))

    @careful
    def engines(self) -> tuple[str, ...]:
        """Return the engines that have results, alphabetically."""
        found = self.shelf.index.ask("SELECT DISTINCT engine FROM results ORDER BY 1")
        return tuple(str(engine) for (engine,) in found)

    def newest(self) -> Result | None:
        """Return the newest result, or None."""
        while rows := self.page(0, 1).rows:
            if result := self.get(rows[0].id):  # else it was deleted or set aside this moment
                return result
        return None

    def results(self) -> list[Result]:
        """Return all results, newest first; `page` is for lists."""
        found = [self.get(row.id) for row in self.page(0, -1).rows]
        return [result for result in found if result]

    @careful
    def delete(self, result_id: str) -> None:
        """Remove a result, and its clip unless another result needs it."""
        self.shelf.remove(result_id)

    @careful
    def discard(self, result_id: str) -> None:
        """Remove a result so that for a day it can be brought back; on a full disk it goes for good."""
        try:
            with explaining(self.folder):
                self.shelf.empty_bin(most_s=SWEEP_S)
                self.shelf.put_aside(result_id)
        except DiskFull as error:
            log.info("result %s goes for good: %s", result_id, error)
            self.shelf.empty_bin(0)
            self.shelf.remove(result_id)
            self.shelf.reconcile()

    @careful
    def rename(self, result_id: str, *, title: str, names: Mapping[int, str] | None = None) -> Result:
        """Give a result another title and its objects other names.

        Raises:
            InvalidInput: there is no such result.
        """
        renamed = self.shelf.describe_anew(
            result_id,
            lambda old, marks: (dataclasses.replace(old, title=title, names=names or old.names), marks),
        )
        if renamed is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        return renamed[0]

    def save_draft(self, token: str, text: str, *, revision: int) -> bool:
        """Keep unfinished work (a drawing) under a token, as the revision after the kept one.

        It stays until nobody has read it for a month. Returns False, and keeps nothing, where another
        revision than `revision` - 1 is kept: somebody was faster.
        """
        return self._drafts.save(token, text, revision)

    def draft(self, token: str) -> str | None:
        """Return unfinished work, or None."""
        return self._drafts.read(token)

    def draft_revision(self, token: str) -> int:
        """Return how often unfinished work was saved; 0 where there is none."""
        return self._drafts.revision(token)

    @careful
    def size_bytes(self) -> int:
        """Return the disk space that results take, with what is half made and what was set aside."""
        return self.shelf.used_bytes() + loose_bytes(self._work, self.shelf.aside, *self.shelf.gone())

    def set_aside(self) -> list[str]:
        """Return what was damaged and moved to `set_aside/`, a sentence each."""
        return self.shelf.mender.notes()

    @careful
    def check(self, *, repair: bool = False) -> list[str]:
        """Look the whole store over and return what is wrong, a sentence each; repair it if asked to.

        Nothing that somebody made is deleted: a damaged result is set aside.
        """
        wrong = [f"{path.name}: work whose process is dead" for path in abandoned(self._work, remove=repair)]
        wrong += uploads.broken_off(self.folder / "uploads", remove=repair)
        wrong += self.shelf.mender.verify(repair=repair)
        wrong += self._drafts.cache.lost_files(remove=repair)
        if repair:
            self._tidy()
        return wrong

    def _tidy(self) -> None:
        """Remove what dead processes left, take over what an older version stored, expire drafts."""
        with explaining(self.folder):
            for _ in abandoned(self._work):
                pass
            self.shelf.empty_bin()
            self.shelf.sweep()
            self.shelf.reconcile()
            old.migrate(self._drafts.cache, self.shelf, self._work)
            self._drafts.cache.expire()
