"""Results on disk: put whole, got whole, evicted whole; nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

import diskcache

from vos import uploads
from vos.errors import DiskFull, InvalidInput, StorageUnavailable
from vos.folders import explaining
from vos.owned import OwnedFolder, abandoned
from vos.store import old
from vos.store.bin import Bin, Deleted
from vos.store.folder import FILES, OPTIONAL, bring, facts, fill
from vos.store.index import SORTS, Page, Row
from vos.store.shelf import SWEEP_S, Shelf
from vos.store.texts import Texts
from vos.types import Result

__all__ = ["FILES", "OPTIONAL", "Deleted", "Page", "Row", "Store", "facts"]

log = logging.getLogger(__name__)

LIMIT_BYTES = 20 * 2**30

P = ParamSpec("P")
T = TypeVar("T")


def _careful(method: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """Mend an index that cannot be read, and say in a sentence what else the disk refuses."""

    @functools.wraps(method)
    def careful(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with explaining(store.folder):
            try:
                return store.shelf.index.mending(lambda: method(store, *args, **kwargs))
            except diskcache.Timeout as error:
                raise StorageUnavailable(f"the folder {store.folder} is busy; please try again") from error

    return careful


class Store:
    """Stored results in one folder, shared by threads and processes.

    A result is a folder of its own, which appears and goes whole; its clip is a hard link to the same file in
    all results made of it. The index that lists them can be made anew from the folders. What is damaged is
    set aside, never deleted. Above `limit_bytes` whole results go, the least recently used first. `tidy`:
    what dead processes left is removed at once.

    Raises:
        StorageUnavailable: there is no such folder and none can be made. One that can only be read is read.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES, tidy: bool = True) -> None:
        self.folder, self._limit_bytes = folder, limit_bytes
        self._work = folder / "work"
        self._own = (self._work, folder / "kept", folder / "uploads")  # whose files nobody writes to again
        with explaining(folder):
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # a disk that can only be read
                folder.chmod(0o700)
            self.shelf = Shelf(folder)
        self.bin = Bin(folder / "deleted")
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

    @_careful
    def put(self, result: Result, files: Mapping[str, Path]) -> Result:
        """Store a result whole and return it as stored; when the same is there whole, that one stays.

        `files` has every name of FILES, "source" unless the clip is stored already, and may have OPTIONAL.
        Files in a workspace are linked, so nobody may write to them afterwards; others are copied.

        Raises:
            StorageUnavailable: the store cannot be written, or its disk is full; nothing is left behind.
        """
        missing = [name for name in FILES if name not in files]
        assert not missing, missing
        known = {name: files[name] for name in (*FILES, *OPTIONAL, "source") if name in files}
        binned = _loose_bytes(self.bin.folder)
        if binned and binned + self.shelf.used_bytes() > self._limit_bytes:
            self.bin.sweep(0)
        with OwnedFolder(self._work) as work:
            clip = Path(work) / "clip"
            if self.link_clip(result.digest, clip):
                known["source"] = clip
            elif "source" not in known:
                raise InvalidInput("the clip of this result is not stored any more; please run it again")
            folder = Path(work) / "result"
            folder.mkdir()
            entry = fill(folder, result, known, self._own)
            stored = self.shelf.add(folder, entry, self._limit_bytes)
        if self.shelf.get(result.id) is None:  # deleted this moment, or the index was made anew meanwhile
            self.shelf.reconcile()
        return stored

    @_careful
    def get(self, result_id: str) -> Result | None:
        """Return a result, or None; a damaged one is set aside, so that it is made again."""
        return self.shelf.get(result_id)

    @_careful
    def open_file(self, result_id: str, name: str) -> BinaryIO | None:
        """Return a result's file, open for reading, or None; it reads to its end though the result goes."""
        result = self.shelf.get(result_id)
        with contextlib.suppress(FileNotFoundError):  # it was deleted this moment
            return result.files[name].open("rb") if result and name in result.files else None
        return None

    @_careful
    def add_file(self, result_id: str, name: str, path: Path) -> Path:
        """Keep a file, made of a result, with it, in place of earlier ones of its kind; return where it is.

        name: export-KIND-HASH. It counts in the result's size and goes with it.

        Raises:
            InvalidInput: there is no such result.
            StorageUnavailable: the store cannot be written, or its disk is full.
        """
        kept = self.shelf.add_file(result_id, name, path, self._own, self._limit_bytes)
        if kept is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        return kept

    @_careful
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

    @_careful
    def link_clip(self, digest: str, target: Path) -> bool:
        """Put the stored clip with these bytes at a path in a workspace, where it stays, if there is one."""
        while (path := self.shelf.clip(digest)) is not None:
            with contextlib.suppress(FileNotFoundError):  # that result was deleted this moment
                bring(path, target, self._own)
                return True
        return False

    @_careful
    def page(
        self,
        offset: int = 0,
        count: int = 24,
        *,
        search: str = "",
        sort: str = "newest",
        engine: str = "",
        digest: str = "",
    ) -> Page:
        """Return `count` rows from `offset` on of the results that match, and how many match.

        `search` is part of the title or of an object's name, whatever its case; `engine` and `digest` are
        exact, "" for all.

        Raises:
            InvalidInput: a sort that is not in vos.store.index.SORTS.
        """
        if sort not in SORTS:
            raise InvalidInput(f"results are sorted by {', '.join(SORTS)}; got {sort!r}")
        return self.shelf.page(offset, count, search=search, sort=sort, engine=engine, digest=digest)

    @_careful
    def count(self) -> int:
        """Return how many results there are."""
        return int(str(self.shelf.index.ask("SELECT COUNT(*) FROM results")[0][0]))

    @_careful
    def engines(self) -> tuple[str, ...]:
        """Return the engines that have results, alphabetically."""
        return tuple(
            str(e) for (e,) in self.shelf.index.ask("SELECT DISTINCT engine FROM results ORDER BY 1")
        )

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

    @_careful
    def delete(self, result_id: str) -> None:
        """Remove a result, and its clip unless another result needs it."""
        self.shelf.remove(result_id)

    @_careful
    def discard(self, result_id: str) -> None:
        """Remove a result so that for a day it can be brought back; on a full disk it goes for good."""
        try:
            with explaining(self.folder):
                self.bin.sweep()
                self.shelf.put_aside(result_id, self.bin)
        except DiskFull as error:
            log.info("result %s goes for good: %s", result_id, error)
            self.bin.sweep(0)
            self.shelf.remove(result_id)
            self.shelf.reconcile()

    @_careful
    def discarded(self) -> list[Deleted]:
        """Return what can be brought back, the newest first."""
        self.bin.sweep()
        return self.bin.all()

    @_careful
    def bring_back(self, result_id: str) -> Result:
        """Undo `discard`.

        Raises:
            InvalidInput: it has gone for good.
        """
        result = self.shelf.bring_back(result_id, self.bin)
        if result is None:
            raise InvalidInput(f"the result {result_id[:12]} cannot be brought back; a day has gone by")
        return result

    @_careful
    def empty_bin(self) -> None:
        """Let go for good of all that was discarded."""
        self.bin.sweep(0)

    @_careful
    def rename(self, result_id: str, *, title: str, names: Mapping[int, str] | None = None) -> Result:
        """Give a result another title and its objects other names.

        Raises:
            InvalidInput: there is no such result.
        """
        result = self.shelf.get(result_id)
        renamed = result and self.shelf.describe_anew(result_id, title=title, names=names or result.names)
        if renamed is None:
            raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
        return renamed

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

    @_careful
    def size_bytes(self) -> int:
        """Return the disk space that results take, with what is half made and what was set aside."""
        return self.shelf.used_bytes() + sum(
            _loose_bytes(top) for top in (self._work, self.shelf.aside, self.bin.folder, *self.shelf.gone())
        )

    def set_aside(self) -> list[str]:
        """Return what was damaged and moved to `set_aside/`, a sentence each."""
        return self.shelf.notes()

    @_careful
    def check(self, *, repair: bool = False) -> list[str]:
        """Look the whole store over and return what is wrong, a sentence each; repair it if asked to.

        Nothing that somebody made is deleted: a damaged result is set aside.
        """
        wrong = [f"{path.name}: work whose process is dead" for path in abandoned(self._work, remove=repair)]
        wrong += uploads.broken_off(self.folder / "uploads", remove=repair)
        wrong += self.shelf.verify(repair=repair)
        wrong += self._drafts.cache.lost_files(remove=repair)
        if repair:
            self._tidy()
        return wrong

    def _tidy(self) -> None:
        """Remove what dead processes left, take over what an older version stored, expire drafts."""
        with explaining(self.folder):
            for _ in abandoned(self._work):
                pass
            self.shelf.sweep()
            self.bin.sweep()
            self.shelf.reconcile()
            old.migrate(self._drafts.cache, self.shelf, self._work)
            self._drafts.cache.expire()


def _loose_bytes(top: Path) -> int:
    """Return the size of all files under a folder that are not links to others; files may go meanwhile."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                stat = os.stat(os.path.join(folder, name))
                total += stat.st_size if stat.st_nlink == 1 else 0
    return total
