"""Results as they were stored at first, rows and files of diskcache, made into folders; none is lost."""

from __future__ import annotations

import json
import logging
import os
import secrets
from pathlib import Path

from vos.errors import DamagedResult
from vos.owned import OwnedFolder, exclusive
from vos.store.folder import FILES, NAMES, bring, read_text, write_meta
from vos.store.index import note
from vos.store.marks import UNMARKED
from vos.store.plain_cache import PlainCache
from vos.store.shelf import Shelf

log = logging.getLogger(__name__)

NO_LIMIT = 2**62


def migrate(cache: PlainCache, shelf: Shelf, work: Path) -> None:
    """Move every old result onto the shelf; a damaged one is set aside with the files it has.

    Files are linked, which takes no space; when it breaks off the rows are still there.
    """
    if not _old_keys(cache):
        return
    with exclusive(work.with_name("migration.lock")):
        keys = _old_keys(cache)  # another process may have done it meanwhile
        for result_id in sorted({key.partition("/")[0] for key in keys} - {"clip"}):
            with OwnedFolder(work) as owned:
                folder = Path(owned) / "result"
                folder.mkdir()
                _move(cache, shelf, result_id, folder)
            for key in keys:
                if key.startswith(f"{result_id}/"):
                    cache.delete(key)
        for key in keys:
            if key.startswith("clip/"):
                cache.delete(key)
        log.warning("results that an earlier version stored were taken over")


def _old_keys(cache: PlainCache) -> list[str]:
    return [key for key in cache if "/" in key and not key.startswith("draft/")]


def _move(cache: PlainCache, shelf: Shelf, result_id: str, folder: Path) -> None:
    try:
        try:
            meta = cache.get(f"{result_id}/meta")
            fields = json.loads(meta)
            digest = str(fields["digest"])
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedResult(f"its description does not read back: {error}") from error
        finally:
            sizes = _bring_files(cache, result_id, folder)
        sizes |= _bring_file(cache, f"clip/{digest}", "source", folder)
        text = json.dumps({"result": fields, "sizes": sizes})
        result, _, _ = read_text(text, folder)
        if missing := {*FILES, "source"} - set(sizes):
            raise DamagedResult(f"its files {', '.join(sorted(missing))} are missing")
        shelf.add(folder, write_meta(folder, result, sizes, UNMARKED), NO_LIMIT)
    except DamagedResult as error:
        shelf.aside.mkdir(exist_ok=True)
        target = shelf.aside / f"{result_id}.{secrets.token_hex(4)}"
        os.rename(folder, target)
        sentence = f"result {result_id[:12]} is damaged and was set aside: {error}"
        log.warning("%s", sentence)
        note(target, sentence)


def _bring_files(cache: PlainCache, result_id: str, folder: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name in NAMES:
        sizes |= _bring_file(cache, f"{result_id}/{name}", name, folder)
    return sizes


def _bring_file(cache: PlainCache, key: str, name: str, folder: Path) -> dict[str, int]:
    """Link one file into the folder; return its size by name, or nothing when it is not there."""
    try:
        handle = cache.get(key, read=True)
    except (DamagedResult, OSError):
        return {}
    if handle is None or not hasattr(handle, "name"):
        return {}
    with handle:
        bring(Path(handle.name), folder / NAMES[name], (Path(cache.directory),))
    return {name: (folder / NAMES[name]).stat().st_size}
