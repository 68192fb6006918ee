"""Results on disk: put whole, got whole, evicted whole; nothing is ever unpickled."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import diskcache

from vos.errors import DamagedResult, InvalidInput
from vos.types import Device, Result, VideoInfo

log = logging.getLogger(__name__)

FILES = ("overlay", "masks", "prompts", "thumbnail", "tracks", "confidence")
OPTIONAL = ("attention",)
LIMIT_BYTES = 20 * 2**30
DRAFT_DAYS = 30


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


class Store:
    """Stored results in one folder, shared by threads and processes.

    A result is several rows under one tag, written in one transaction. The clip a result was made
    from is kept once for all its results and goes with the last of them. Above `limit_bytes` whole
    results go, oldest first.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        self._limit_bytes = limit_bytes
        self._cache = diskcache.Cache(
            str(folder / "results"),
            disk=PlainDisk,
            disk_min_file_size=2**16,
            eviction_policy="none",
            cull_limit=0,
            tag_index=True,
            size_limit=2**62,
        )

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; a later call opens it again."""
        self._cache.close()

    def workspace(self) -> tempfile.TemporaryDirectory[str]:
        """Return a new folder for half-made files, on the same disk, removed when closed."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        for stale in work.iterdir():
            if time.time() - stale.stat().st_mtime > 86400:
                shutil.rmtree(stale, ignore_errors=True)
        return tempfile.TemporaryDirectory(dir=work)

    def put(self, result: Result, files: Mapping[str, Path]) -> Result:
        """Store a result whole, in place of any of the same id, and return it as stored.

        `files` has every name of FILES, "source" unless the clip is stored already, and may have OPTIONAL.
        """
        missing = [name for name in FILES if name not in files]
        assert not missing, missing
        clip_key = _clip_key(result.digest)
        try:
            with self._cache.transact():
                self._cache.evict(result.id)
                for name in (*FILES, *(name for name in OPTIONAL if name in files)):
                    self._set_file(f"{result.id}/{name}", files[name], result.id)
                if "source" in files and clip_key not in self._cache:
                    self._set_file(clip_key, files["source"], clip_key)
                self._cache.set(f"{result.id}/meta", json.dumps(facts(result)), tag=result.id)
        except BaseException:
            self._cache.check(fix=True)  # the rows are rolled back, the files they had are not
            raise
        self._shrink(keep=result.id)
        stored = self.get(result.id)
        assert stored is not None
        return stored

    def get(self, result_id: str) -> Result | None:
        """Return a result, or None; a damaged one is dropped, so that it is made again."""
        with self._cache.transact():  # another thread may be putting it anew
            try:
                text = self._cache.get(f"{result_id}/meta")
                if text is None:
                    return None
                result = _from_json(text)
                names = (*FILES, *(n for n in OPTIONAL if f"{result_id}/{n}" in self._cache))
                files = {name: self._path(f"{result_id}/{name}") for name in names}
                files["source"] = self._path(_clip_key(result.digest))
            except (DamagedResult, OSError, KeyError, TypeError, ValueError) as error:
                log.warning("result %s is damaged and is dropped: %s", result_id, error)
                self._cache.evict(result_id)
                return None
        return dataclasses.replace(result, files=files)

    def has_clip(self, digest: str) -> bool:
        """Say whether the clip with these bytes is stored."""
        return _clip_key(digest) in self._cache

    def results(self) -> list[Result]:
        """Return all results, newest first."""
        with self._cache.transact():
            found = [self.get(result_id) for result_id in self._ids()]
        return sorted((r for r in found if r), key=lambda r: r.created, reverse=True)

    def delete(self, result_id: str) -> None:
        """Remove a result, and its clip unless another result needs it."""
        with self._cache.transact():
            text = self._cache.get(f"{result_id}/meta")
            self._cache.evict(result_id)
            if text is not None:
                digest = json.loads(text)["digest"]
                if not any(digest == self._digest(other) for other in self._ids()):
                    self._cache.evict(_clip_key(digest))

    def rename(self, result_id: str, *, title: str, names: Mapping[int, str] | None = None) -> Result:
        """Give a result another title and its objects other names.

        Raises:
            InvalidInput: there is no such result.
        """
        with self._cache.transact():
            result = self.get(result_id)
            if result is None:
                raise InvalidInput(f"there is no result {result_id[:12]}; it may have been deleted")
            result = dataclasses.replace(result, title=title, names=names or result.names)
            self._cache.set(f"{result_id}/meta", json.dumps(facts(result)), tag=result_id)
        return result

    def save_draft(self, token: str, text: str, *, revision: int) -> bool:
        """Keep unfinished work (a drawing) under a token for a month, as the revision after the kept one.

        Returns False, and keeps nothing, where another revision than `revision` - 1 is kept: somebody was
        faster.
        """
        row = {"expire": DRAFT_DAYS * 86400, "tag": "draft"}
        with self._cache.transact():
            if self.draft_revision(token) != revision - 1:
                return False
            self._cache.set(f"draft/{token}", text, **row)
            self._cache.set(f"draft/{token}/revision", revision, **row)
        return True

    def draft(self, token: str) -> str | None:
        """Return unfinished work, or None."""
        with self._cache.transact():  # a long text is a file, which a save that comes between replaces
            text = self._cache.get(f"draft/{token}")
        return text if isinstance(text, str) else None

    def draft_revision(self, token: str) -> int:
        """Return how often unfinished work was saved; 0 where there is none."""
        revision = self._cache.get(f"draft/{token}/revision")
        return revision if isinstance(revision, int) else 0

    def size_bytes(self) -> int:
        """Return the disk space that results take."""
        return int(self._cache.volume())

    def check(self) -> list[str]:
        """Look the whole store over and return what is wrong, a sentence each."""
        found = self._cache.check()
        wrong = [str(w.message) for w in found if not issubclass(w.category, diskcache.EmptyDirWarning)]
        return wrong + [f"result {i[:12]} does not read back" for i in self._ids() if self.get(i) is None]

    def _set_file(self, key: str, path: Path, tag: str) -> None:
        with path.open("rb") as file:
            self._cache.set(key, file, read=True, tag=tag)

    def _path(self, key: str) -> Path:
        handle = self._cache.get(key, read=True)
        if handle is None:
            raise DamagedResult(f"the file {key} is gone")
        with handle:
            return Path(handle.name)

    def _ids(self) -> Iterator[str]:
        for key in list(self._cache):
            if key.endswith("/meta"):
                yield key.removesuffix("/meta")

    def _digest(self, result_id: str) -> str:
        text = self._cache.get(f"{result_id}/meta")
        return str(json.loads(text)["digest"]) if text else ""

    def _shrink(self, keep: str) -> None:
        if self.size_bytes() <= self._limit_bytes:
            return
        for result in reversed(self.results()):
            if self.size_bytes() <= self._limit_bytes:
                return
            if result.id != keep:
                log.info("result %s makes room for newer ones", result.id)
                self.delete(result.id)


def _clip_key(digest: str) -> str:
    return f"clip/{digest}"


def facts(result: Result) -> dict[str, Any]:
    """Return all of a result but its files, as JSON knows it; fps is a fraction as text."""
    fields = dataclasses.asdict(dataclasses.replace(result, files={}))
    del fields["files"]
    fields["info"]["fps"] = str(result.info.fps)
    return fields


def _from_json(text: str) -> Result:
    fields = json.loads(text)
    fields["info"]["fps"] = Fraction(fields["info"]["fps"])
    fields["info"] = VideoInfo(**fields["info"])
    fields["device"] = Device(**fields["device"])
    fields["names"] = {int(k): str(v) for k, v in fields["names"].items()}
    fields["visible"] = {int(k): float(v) for k, v in fields["visible"].items()}
    fields["prompt_frames"] = tuple(fields["prompt_frames"])
    fields["warnings"] = tuple(fields["warnings"])
    return Result(**fields)
