"""Unfinished work as text under a token, kept until nobody has looked at it for a month."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import diskcache

from vos.errors import StorageUnavailable
from vos.folders import explaining, sqlite_code
from vos.store.index import UNUSABLE
from vos.store.plain_cache import PlainCache, open_cache

T = TypeVar("T")

KEEP_S = 30 * 86400
RENEW_S = 86400  # a text that is read is noted as seen at most once in this time


class Texts:
    """Texts with revisions in a database of their own; nobody overwrites what somebody else saved.

    A database that cannot be read is moved into `aside`; what can be read of it is kept in a new one.
    """

    def __init__(self, folder: Path, aside: Path) -> None:
        self._folder, self._aside = folder, aside
        self._cache = open_cache(folder, aside)

    @property
    def writable(self) -> bool:
        """Whether there is a database that can be written."""
        return self._cache is not None

    @property
    def cache(self) -> PlainCache:
        """The database.

        Raises:
            StorageUnavailable: none can be opened.
        """
        if self._cache is None:
            raise StorageUnavailable(f"the folder {self._folder} cannot be written, so no drafts can be kept")
        return self._cache

    def close(self) -> None:
        """Let go of the database; a later call opens it again."""
        if self._cache is not None:
            self._cache.close()

    def save(self, token: str, text: str, revision: int) -> bool:
        """Keep a text as the revision after the kept one; False, and nothing is kept, where it is not."""

        def work(cache: PlainCache) -> bool:
            with cache.transact():
                if _revision(cache, token) != revision - 1:
                    return False
                cache.set(_key(token), text, expire=KEEP_S, tag="draft")
                cache.set(f"{_key(token)}/revision", revision, expire=KEEP_S, tag="draft")
            return True

        return self._carefully(work)

    def read(self, token: str) -> str | None:
        """Return a text, or None; it is kept for another month."""

        def work(cache: PlainCache) -> str | None:
            with cache.transact():  # a long text is a file, which a save that comes between replaces
                text, until = cache.get(_key(token), expire_time=True)
                if until is not None and until - time.time() < KEEP_S - RENEW_S:
                    cache.touch(_key(token), expire=KEEP_S)
                    cache.touch(f"{_key(token)}/revision", expire=KEEP_S)
            return text if isinstance(text, str) else None

        return self._carefully(work)

    def revision(self, token: str) -> int:
        """Return how often a text was saved; 0 where there is none."""
        return self._carefully(lambda cache: _revision(cache, token))

    def _carefully(self, work: Callable[[PlainCache], T]) -> T:
        """Do work with the database, mended first if it cannot be read; say in a sentence what is refused."""
        with explaining(self._folder):
            try:
                return work(self.cache)
            except diskcache.Timeout as error:
                raise StorageUnavailable(f"the folder {self._folder} is busy; please try again") from error
            except sqlite3.DatabaseError as error:
                if sqlite_code(error) not in UNUSABLE:
                    raise
            self.close()
            self._cache = open_cache(self._folder, self._aside)
            return work(self.cache)


def _key(token: str) -> str:
    return f"draft/{token}"


def _revision(cache: PlainCache, token: str) -> int:
    revision = cache.get(f"{_key(token)}/revision")
    return revision if isinstance(revision, int) else 0
