"""Uploaded clips on disk, named by their sha256, so that the same bytes are kept once."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vos.errors import InvalidInput

KEEP_DAYS = 30
CHUNK = 2**20


@dataclass(frozen=True)
class Upload:
    """A clip on disk: where, its sha256, and what the user's file was called."""

    path: Path
    digest: str
    name: str


def keep(source: BinaryIO, name: str, folder: Path) -> Upload:
    """Copy an open file into the folder and return it as an Upload; the same bytes are kept once.

    Raises:
        InvalidInput: the file is empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
            size = target.tell()
        if not size:
            raise InvalidInput(f"the file {name} is empty (0 bytes)")
        path = folder / (digest.hexdigest() + _suffix(name))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Upload(path, digest.hexdigest(), name)


def find(digest: str, folder: Path) -> Path | None:
    """Return the kept clip with this sha256, or None; the clip counts as used now."""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        return None
    for path in sorted(folder.glob(f"{digest}*")):
        os.utime(path)
        return path
    return None


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix) else ""


def _tidy(folder: Path) -> None:
    """Drop clips that nobody used for a month, and parts of uploads that broke off."""
    now = time.time()
    for path in folder.iterdir():
        days = (now - path.stat().st_mtime) / 86400
        if days > (1 if path.name.startswith(".part-") else KEEP_DAYS):
            path.unlink(missing_ok=True)
